"""What is printed on a card."""

from hypothesis import given
from hypothesis import strategies as st

from maillage_referrals.cards import codes

bodies = st.integers(0, 10**10 - 1).map(lambda n: f"{n:010d}")


@given(body=bodies)
def test_a_code_reads_back_however_it_was_typed(body: str) -> None:
    code = body + codes.check_digits(body)
    printed = codes.print_code(code)
    for typed in (code, printed, f"+++{printed}+++", printed.replace("/", " "), f" {code} "):
        assert codes.read_code(typed) == code


@given(body=bodies, place=st.integers(0, 11), other=st.integers(1, 9))
def test_one_wrong_digit_is_noticed(body: str, place: int, other: int) -> None:
    code = body + codes.check_digits(body)
    wrong = str((int(code[place]) + other) % 10)
    assert codes.read_code(code[:place] + wrong + code[place + 1 :]) is None


@given(body=bodies, place=st.integers(0, 8))
def test_two_swapped_digits_are_noticed(body: str, place: int) -> None:
    code = body + codes.check_digits(body)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert swapped == code or codes.read_code(swapped) is None


@given(text=st.text(max_size=60))
def test_any_text_is_a_code_a_secret_or_nothing(text: str) -> None:
    code, secret = codes.read_code(text), codes.read_secret(text)
    assert code is None or len(code) == 12
    assert secret is None or len(secret) == codes.SECRET_BYTES


def test_a_secret_has_at_least_128_bits_and_fits_the_compact_alphabet() -> None:
    secret = codes.new_secret()
    assert len(secret) * 8 >= 128
    payload = codes.qr_payload(secret)
    assert set(payload) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert codes.read_secret(payload) == secret
    assert secret != codes.new_secret()


def test_a_new_code_is_well_formed() -> None:
    assert all(codes.read_code(codes.new_code()) for _ in range(100))
