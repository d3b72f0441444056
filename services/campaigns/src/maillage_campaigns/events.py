"""This service's log events (maillage_common.events) and the names of its audit events."""

from enum import StrEnum
from logging import INFO, WARNING

from maillage_common.events import LogEvent


class CampaignsEvent(LogEvent):
    IMPORT_RECEIVED = ("CAM101", INFO, "call list received")
    IMPORT_PARSED = ("CAM102", INFO, "call list read")
    IMPORT_COMPARED = ("CAM103", INFO, "call list compared, awaits approval")
    IMPORT_DONE = ("CAM104", INFO, "call list merged")
    IMPORT_FAILED = ("CAM105", WARNING, "call list cannot be read")
    IMPORT_STAGING_LOST = ("CAM106", WARNING, "staged rows were lost, reading the file again")
    LEASE_GRANTED = ("CAM201", INFO, "next person leased")
    ATTEMPT_RECORDED = ("CAM202", INFO, "attempt recorded")
    ATTEMPT_LATE = ("CAM203", WARNING, "late result kept as evidence")
    ORIENTATION_PLACED = ("CAM301", INFO, "orientation placed in referrals")
    ORIENTATION_PENDING = ("CAM302", WARNING, "orientation waits for referrals")
    ORIENTATION_REFUSED = ("CAM303", WARNING, "referrals refused an orientation")
    OBSTACLE_POSTED = ("CAM304", INFO, "obstacle posted to the directory")
    PUBLISHED = ("CAM401", INFO, "aggregates published")


class AuditEvent(StrEnum):
    CAMPAIGN_CREATED = "campaign_created"
    CAMPAIGN_CHANGED = "campaign_changed"
    PARTICIPATION_STARTED = "participation_started"
    PARTICIPATION_CHANGED = "participation_changed"
    IMPORT_RECEIVED = "import_received"
    IMPORT_APPROVED = "import_approved"
    IMPORT_CANCELLED = "import_cancelled"
    IMPORT_MERGED = "import_merged"
    PERSON_LEASED = "person_leased"
    PERSON_READ = "person_read"
    LEASE_EXTENDED = "lease_extended"
    LEASE_RELEASED = "lease_released"
    ATTEMPT_RECORDED = "attempt_recorded"
    ATTEMPT_LATE = "attempt_late"
    OBJECTION_RECORDED = "objection_recorded"
    OBJECTION_WITHDRAWN = "objection_withdrawn"
    REFERRAL_EVENT = "referral_event_received"
    CONTACTABILITY_READ = "contactability_read"
    TABLES_PUBLISHED = "tables_published"
