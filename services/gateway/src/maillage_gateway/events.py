"""The gateway's log events. Facts are issuers, services, codes and counts; no token, no address."""

from logging import ERROR, INFO, WARNING

from maillage_common.events import LogEvent


class Event(LogEvent):
    KEYS_CHANGED = ("GTW101", INFO, "an issuer's keys changed")
    KEYS_FETCH_FAILED = ("GTW102", WARNING, "an issuer's keys could not be fetched")
    KEYS_EXPIRED = ("GTW103", ERROR, "an issuer's keys are too old to be trusted")
    DESCRIPTION_FAILED = ("GTW105", WARNING, "a service's OpenAPI document could not be fetched")
    ANSWER_CUT = ("GTW106", WARNING, "a service broke off in the middle of an answer")
    REVOCATIONS_CHANGED = ("GTW107", INFO, "the list of revocations changed")
    REVOCATIONS_UNCONFIRMED = ("GTW108", WARNING, "the list of revocations could not be confirmed")
    REVOCATIONS_LOST = ("GTW109", ERROR, "no list of revocations: no token is let in")
    POLICY_CHANGED = ("GTW110", INFO, "another policy is in force")
    POLICY_REFUSED = ("GTW111", ERROR, "the new policy is not valid: the old one stays in force")
    METERS_APART = ("GTW123", ERROR, "the shared meters did not answer: each gateway counts alone")
    METERS_SHARED = ("GTW124", INFO, "the shared meters answer again")
    REPLICA_SET_ASIDE = ("GTW120", WARNING, "a replica failed repeatedly and is not asked for now")
    REPLICA_NOT_READY = ("GTW121", WARNING, "a replica is not ready")
    REPLICA_READY = ("GTW122", INFO, "a replica is ready")
