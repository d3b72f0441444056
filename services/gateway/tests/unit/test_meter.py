"""Token buckets against a naive model, and whom they count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_gateway import meter as meter_module
from maillage_gateway.meter import Bucket, Meters
from maillage_gateway.policy import Meter, Rate


class TestBucket:
    def test_a_burst_passes_and_then_the_rate(self):
        bucket = Bucket("b", Rate(per_second=2, burst=3))
        assert [bucket.take("k", 0.0).retry_after for _ in range(3)] == [None] * 3
        refused = bucket.take("k", 0.0)
        assert refused.retry_after == 0.5
        assert refused.remaining == 0
        assert bucket.take("k", 0.5).retry_after is None
        assert bucket.take("k", 0.5).retry_after == 0.5

    def test_what_is_refused_costs_nothing(self):
        bucket = Bucket("b", Rate(per_second=1, burst=1))
        bucket.take("k", 0.0)
        for _ in range(100):
            bucket.take("k", 0.5)
        assert bucket.take("k", 1.0).retry_after is None

    @given(
        st.integers(1, 10),
        st.sampled_from([0.5, 1.0, 4.0]),
        st.lists(st.integers(0, 40).map(lambda n: n / 8), max_size=60),
    )
    def test_agrees_with_a_bucket_of_tokens(self, burst, per_second, waits):
        bucket = Bucket("b", Rate(per_second=per_second, burst=burst))
        tokens, now = float(burst), 0.0
        for wait in waits:
            now += wait
            tokens = min(burst, tokens + wait * per_second)
            reading = bucket.take("k", now)
            assert (reading.retry_after is None) == (tokens >= 1 - 1e-9)
            if reading.retry_after is None:
                tokens -= 1
                assert reading.remaining == int(tokens + 1e-6)
            else:
                assert abs(reading.retry_after - (1 - tokens) / per_second) < 1e-6

    def test_memory_is_bounded(self, monkeypatch):
        monkeypatch.setattr(meter_module, "MAX_BUCKETS", 100)
        bucket = Bucket("b", Rate(per_second=0.001, burst=1))
        for number in range(1000):
            bucket.take(str(number), 0.0)
        assert len(bucket._full_at) <= 100
        assert bucket.take("999", 0.0).retry_after is not None

    @pytest.mark.parametrize("now", [0.0, 1001.11, 1002.59, 7407.4])
    def test_seconds_are_told_alike_at_any_instant(self, now):
        bucket = Bucket("b", Rate(per_second=0.001, burst=1))
        assert dict(bucket.take("k", now).headers())[b"ratelimit"] == b'"b";r=0;t=1000'
        assert dict(bucket.take("k", now).headers())[b"retry-after"] == b"1000"

    def test_headers_tell_policy_and_state(self):
        bucket = Bucket("b", Rate(per_second=0.5, burst=2))
        bucket.take("k", 0.0)
        bucket.take("k", 0.0)
        assert bucket.take("k", 0.0).headers() == [
            (b"ratelimit-policy", b'"b";q=2;w=4'),
            (b"ratelimit", b'"b";r=0;t=4'),
            (b"retry-after", b"2"),
        ]


class TestMeters:
    def meters(self, **rates):
        rate = Rate(per_second=0.001, burst=1)
        return Meters({"m": Meter(client=rate, stranger=rate)}, **rates)

    async def refused(self, *addresses):
        meters = self.meters()
        readings = [await meters.count_stranger("m", address) for address in addresses]
        return [reading.retry_after is not None for reading in readings]

    async def test_an_ipv6_network_counts_as_one_stranger(self):
        assert await self.refused("2001:db8::1", "2001:db8::ffff:2") == [False, True]
        assert await self.refused("2001:db8::1", "2001:db8:0:1::1") == [False, False]

    async def test_an_ipv4_address_counts_once_in_either_spelling(self):
        assert await self.refused("192.0.2.1", "::ffff:192.0.2.1") == [False, True]

    async def test_no_address_is_kept(self):
        meters = self.meters()
        await meters.count_stranger("m", "192.0.2.1")
        assert "192.0.2.1" not in repr(vars(meters._strangers["m"]))

    async def test_a_client_named_like_an_address_is_no_stranger(self):
        meters = self.meters()
        await meters.count_client("m", "192.0.2.1", None)
        assert (await meters.count_stranger("m", "192.0.2.1")).retry_after is None


class TestOrganizations:
    def meters(self):
        many, few = Rate(per_second=1, burst=100), Rate(per_second=0.001, burst=3)
        meter = Meter(client=many, stranger=many, organization=few)
        return Meters({"m": meter}, {"large": {"m": many}})

    async def test_all_clients_of_one_count_together(self):
        meters = self.meters()
        taken = [await meters.count_client("m", f"client-{n}", "small") for n in range(4)]
        assert [reading.retry_after is None for reading in taken] == [True, True, True, False]
        assert (await meters.count_client("m", "client-0", "other")).retry_after is None
        assert (await meters.count_client("m", "client-0", None)).retry_after is None

    async def test_one_may_have_a_quota_of_its_own(self):
        meters = self.meters()
        taken = [await meters.count_client("m", "client", "large") for _ in range(20)]
        assert all(reading.retry_after is None for reading in taken)

    async def test_both_buckets_are_told(self):
        meters = self.meters()
        fields = dict((await meters.count_client("m", "client", "small")).headers())
        assert fields[b"ratelimit-policy"] == b'"m";q=100;w=100, "m-organization";q=3;w=3000'
        assert fields[b"ratelimit"] == b'"m";r=99;t=1, "m-organization";r=2;t=1000'

    async def test_what_the_client_has_used_up_costs_its_organization_nothing(self):
        rate = Rate(per_second=0.001, burst=1)
        common = Rate(per_second=0.001, burst=2)
        meters = Meters({"m": Meter(client=rate, stranger=rate, organization=common)})
        for _ in range(5):
            await meters.count_client("m", "greedy", "org")
        assert (await meters.count_client("m", "modest", "org")).retry_after is None
