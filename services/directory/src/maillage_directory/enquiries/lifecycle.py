"""The life of an enquiry: open, then answered by the desk or withdrawn by who asked."""

from maillage_directory.errors import EnquiryClosed
from maillage_directory.models import EnquiryState


def check_open(state: EnquiryState) -> None:
    """Answered and withdrawn are final; raises EnquiryClosed."""
    if state is not EnquiryState.OPEN:
        raise EnquiryClosed("Ask anew.")
