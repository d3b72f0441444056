"""The bytes of a call list, from the network to sealed chunks, never whole in memory."""

import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.errors import EmptyFile, FileTooLarge, NotAList
from maillage_campaigns.imports.sniffing import EncodingSniffer
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import ImportChunk
from maillage_common.columns import uuid7

CHUNK_BYTES = 256 * 1024


def chunk_context(import_id: UUID, number: int) -> bytes:
    """What ties a sealed chunk to its place in its file."""
    return f"import-chunk:{import_id}:{number}".encode()


class Received:
    """What is known once every byte has arrived."""

    def __init__(self) -> None:
        self.import_id = uuid7()
        self.digest = hashlib.sha256()
        self.sniffer = EncodingSniffer()
        self.byte_count = 0
        self.chunk_count = 0


async def receive_file(
    session: AsyncSession, keys: TenantKeys, body: AsyncIterator[bytes], *, max_bytes: int
) -> Received:
    """Seal and store the body chunk by chunk; raises EmptyFile, FileTooLarge, NotAList."""
    received = Received()
    pending = bytearray()
    async for data in body:
        received.byte_count += len(data)
        if received.byte_count > max_bytes:
            raise FileTooLarge(f"Send at most {max_bytes} bytes; split the list.")
        received.digest.update(data)
        received.sniffer.feed(data)
        pending += data
        while len(pending) >= CHUNK_BYTES:
            await _store(session, keys, received, bytes(pending[:CHUNK_BYTES]))
            del pending[:CHUNK_BYTES]
    if received.byte_count == 0:
        raise EmptyFile("Send the rows of the list.")
    if received.sniffer.is_other_format:
        raise NotAList("A workbook, an archive or a PDF: save the sheet as CSV and send that.")
    if pending:
        await _store(session, keys, received, bytes(pending))
    return received


async def _store(session: AsyncSession, keys: TenantKeys, received: Received, data: bytes) -> None:
    context = chunk_context(received.import_id, received.chunk_count)
    await session.exec(
        insert(ImportChunk).values(
            tenant=keys.tenant,
            import_id=received.import_id,
            number=received.chunk_count,
            sealed=keys.seal(data, context=context),
        )
    )
    received.chunk_count += 1
