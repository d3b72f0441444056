"""Telephone numbers nobody answers.

Belgium reserves no numbers for fiction. We use the mobile block 0454: it has the form of a mobile
number (`phonenumbers` calls it valid), while the carrier data of libphonenumber and the public
lists of Belgian prefixes name no operator for it. Should it ever be given out, change `BLOCK`.
`0454 0x xx xx` is for demo services, the rest for the people of sample call lists.
"""

BLOCK = "454"
SERVICES = 100_000
PEOPLE = 900_000


def service_phone(number: int) -> str:
    """The phone of the demo service `number` (0 to 99,999), in E.164."""
    if not 0 <= number < SERVICES:
        raise ValueError(number)
    return f"+32{BLOCK}{number:06d}"


def person_phone(number: int) -> str:
    """The phone of the fictitious person `number`, in E.164; they repeat after 900,000."""
    return f"+32{BLOCK}{SERVICES + number % PEOPLE:06d}"
