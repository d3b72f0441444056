"""The statement that leases the next person, and the one that says why there is none."""

# `:languages` are the counsellor's.
_SPEAKS = (
    "(cardinality(COALESCE(p.languages_heard, p.languages)) = 0"
    " OR COALESCE(p.languages_heard, p.languages) && CAST(:languages AS text[])"
    " OR (p.interpreter_needed AND :with_interpreter))"
)
_INTERPRETER = (
    "(NOT p.interpreter_needed OR :with_interpreter"
    " OR COALESCE(p.languages_heard, p.languages) && CAST(:languages AS text[]))"
)
_PREFERRED_HOURS = (
    "(p.preferred_from IS NULL OR c.callback_at IS NOT NULL"
    " OR (CAST(:local_time AS time) >= p.preferred_from"
    " AND CAST(:local_time AS time) < p.preferred_until))"
)
_CONCERNS = "(o.scope = 'all' OR o.campaign_id = :campaign_id OR o.theme = :theme)"
# Two subqueries, for an OR over two keys would use neither index.
_OBJECTED = (
    "(EXISTS (SELECT FROM objection o WHERE o.tenant = p.tenant AND o.person_key = p.person_key"  # noqa: S608
    f" AND o.withdrawn_at IS NULL AND {_CONCERNS})"
    " OR EXISTS (SELECT FROM person_phone n JOIN objection o"
    " ON o.tenant = n.tenant AND o.phone_key = n.phone_key"
    " WHERE n.tenant = p.tenant AND n.person_id = p.id"
    f" AND o.withdrawn_at IS NULL AND {_CONCERNS}))"
)
_HAS_NUMBER = (
    "EXISTS (SELECT FROM person_phone n WHERE n.tenant = p.tenant AND n.person_id = p.id"
    " AND n.failed_at IS NULL)"
)
_ATTEMPTS_LEFT = "(c.attempts < :max_attempts OR c.callback_at IS NOT NULL)"
_FREE = "(p.leased_until IS NULL OR p.leased_until <= :now)"
_FROM = "FROM call_case c JOIN person p ON p.tenant = c.tenant AND p.id = c.person_id"
_OPEN = (
    "c.tenant = :tenant AND c.campaign_id = :campaign_id AND c.closed_at IS NULL"
    " AND p.deceased_at IS NULL AND p.moved_at IS NULL"
)
# A case that may be called now, by this counsellor.
_CALLABLE = (
    f"{_OPEN} AND c.next_due_at <= :now AND {_ATTEMPTS_LEFT} AND {_FREE} AND {_SPEAKS}"
    f" AND {_INTERPRETER} AND {_PREFERRED_HOURS} AND NOT {_OBJECTED} AND {_HAS_NUMBER}"
)

# The person's row is locked and updated too: a concurrent claim of the same person through another
# campaign finds it locked (skipped) or, just released, evaluated again with its new `leased_until`.
CLAIM_NEXT = (
    "WITH called_back AS ("  # noqa: S608
    f" SELECT c.id, c.person_id {_FROM} WHERE {_CALLABLE} AND c.callback_at IS NOT NULL"
    " ORDER BY (c.callback_by = :counsellor) DESC, c.next_due_at, c.id"
    " LIMIT 1 FOR UPDATE OF c, p SKIP LOCKED"
    "), in_turn AS ("
    f" SELECT c.id, c.person_id {_FROM} WHERE {_CALLABLE}"
    " AND c.callback_at IS NULL AND NOT EXISTS (SELECT FROM called_back)"
    " ORDER BY c.priority DESC, c.next_due_at, c.id"
    " LIMIT 1 FOR UPDATE OF c, p SKIP LOCKED"
    "), chosen AS (SELECT * FROM called_back UNION ALL SELECT * FROM in_turn"
    "), claimed AS ("
    " UPDATE person p SET leased_until = :expires_at, fence = p.fence + 1 FROM chosen"
    " WHERE p.tenant = :tenant AND p.id = chosen.person_id RETURNING p.id, p.fence"
    ") INSERT INTO lease (tenant, id, campaign_id, case_id, person_id, counsellor, fencing_token,"
    " leased_at, expires_at) SELECT :tenant, :lease_id, :campaign_id, chosen.id, claimed.id,"
    " :counsellor, claimed.fence, :now, :expires_at"
    " FROM chosen JOIN claimed ON claimed.id = chosen.person_id RETURNING id"
)

# One reason a case, the first that applies: what waiting changes comes after what it does not.
WHY_NOBODY = (
    "SELECT reason, count(*) AS count, min(due_at) AS due_at FROM ("  # noqa: S608
    " SELECT CASE"
    "  WHEN c.closed_at IS NOT NULL THEN 'closed'"
    "  WHEN p.deceased_at IS NOT NULL OR p.moved_at IS NOT NULL THEN 'gone'"
    f"  WHEN {_OBJECTED} THEN 'objection'"
    f"  WHEN NOT {_HAS_NUMBER} THEN 'no_number'"
    f"  WHEN NOT {_ATTEMPTS_LEFT} THEN 'attempts_used_up'"
    f"  WHEN NOT {_SPEAKS} THEN 'language'"
    f"  WHEN NOT {_INTERPRETER} THEN 'interpreter'"
    f"  WHEN NOT {_FREE} THEN 'leased'"
    "  WHEN c.next_due_at > :now THEN 'not_due'"
    f"  WHEN NOT {_PREFERRED_HOURS} THEN 'preferred_hours'"
    "  ELSE 'outside_calling_hours' END AS reason,"
    "  GREATEST(c.next_due_at, COALESCE(p.leased_until, c.next_due_at)) AS due_at"
    f" {_FROM} WHERE c.tenant = :tenant AND c.campaign_id = :campaign_id) waiting"
    " GROUP BY reason ORDER BY count DESC, reason"
)
