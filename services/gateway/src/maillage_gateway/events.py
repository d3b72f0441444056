"""The gateway's log events. Facts are issuers, services, codes and counts; no token, no address."""

from logging import ERROR, INFO, WARNING

from maillage_common.events import LogEvent


class Event(LogEvent):
    KEYS_CHANGED = ("GTW101", INFO, "an issuer's keys changed")
    KEYS_FETCH_FAILED = ("GTW102", WARNING, "an issuer's keys could not be fetched")
    KEYS_EXPIRED = ("GTW103", ERROR, "an issuer's keys are too old to be trusted")
    TOKEN_REFUSED = ("GTW104", INFO, "token refused")
    DESCRIPTION_FAILED = ("GTW105", WARNING, "a service's OpenAPI document could not be fetched")
    ANSWER_CUT = ("GTW106", WARNING, "a service broke off in the middle of an answer")
