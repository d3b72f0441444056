-- The gate: who may read a pointer, in one place. The application asks it in every query, and the
-- row-level security of `pointer` asks it again behind the application's back.
--
-- Who asks comes from settings local to the transaction. The library sets maillage.subject,
-- .client, .organization, .function and .system; this service sets maillage.person (the person's own
-- pseudonym, when their card speaks), .purpose and .at (the application's clock).

CREATE FUNCTION asking(setting text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('maillage.' || setting, true), '');

CREATE FUNCTION asking_at() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN COALESCE(asking('at')::timestamptz, now());

-- The person themself.
CREATE FUNCTION is_own(of_subject uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN COALESCE(of_subject::text = asking('person'), false);

-- Condition 4.
CREATE FUNCTION is_excluded(of_subject uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM exclusion e
    WHERE e.subject_id = of_subject AND e.lifted_at IS NULL
      AND (e.organization::text = asking('organization') OR e.person = asking('subject'))
);

-- Does this consent favour whoever asks, now?
CREATE FUNCTION favours(c consent) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN COALESCE(
    c.status = 'active' AND c.valid_from <= asking_at() AND c.valid_until > asking_at()
    AND CASE c.grantee_kind
        WHEN 'organization' THEN c.grantee_organization::text = asking('organization')
        WHEN 'function' THEN c.grantee_function = asking('function')
        WHEN 'person' THEN c.grantee_person = asking('subject')
    END,
    false
);

-- Conditions 1 and 5: about the record, given by the person's own act, for the stated purpose.
CREATE FUNCTION opens_record(c consent) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN c.scope = 'record'
    AND COALESCE(c.proof IN ('card', 'one_time_code', 'login'), false)
    AND COALESCE(asking('purpose') = ANY (c.purposes), false)
    AND favours(c);

-- Condition 1, category: named itself, or ordinary; whatever is sensitive about it is named.
CREATE FUNCTION names(c consent, category text, sensitive text[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    category = ANY (c.categories)
    OR ('ordinary' = ANY (c.categories) AND category <> ALL (sensitive))
) AND sensitive <@ c.categories;

-- Condition 2.
CREATE FUNCTION is_linked(of_subject uuid, with_evidence boolean)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM care_link l
    WHERE l.subject_id = of_subject AND l.ended_at IS NULL
      AND l.started_at <= asking_at() AND l.expires_at > asking_at()
      AND l.organization::text = asking('organization')
      AND (l.person IS NULL OR l.person = asking('subject'))
      AND (NOT with_evidence OR l.evidence IN ('card_read', 'one_time_code', 'accepted_referral'))
);

CREATE FUNCTION matrix_version() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT max(m.version) FROM access_matrix m WHERE m.activated_at <= asking_at());

-- Condition 3. With an empty list: true.
CREATE FUNCTION function_may_see(categories text[])
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN NOT EXISTS (
    SELECT FROM unnest(categories) AS wanted (category)
    WHERE NOT EXISTS (
        SELECT FROM access_rule r
        WHERE r.version = matrix_version()
          AND r.function = asking('function') AND r.category = wanted.category
    )
);

-- A function that the matrix does not name (a reception desk, by default) is nobody's receiver.
CREATE FUNCTION function_is_known() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM access_rule r
    WHERE r.version = matrix_version() AND r.function = asking('function')
);

-- Has whoever asks still something to do with the subject? Then they see what they wrote themselves.
CREATE FUNCTION is_involved(of_subject uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN is_linked(of_subject, false) OR EXISTS (
    SELECT FROM consent c
    WHERE c.subject_id = of_subject AND c.status = 'active'
      AND c.valid_from <= asking_at() AND c.valid_until > asking_at()
      AND (c.recorded_by_organization::text = asking('organization') OR favours(c))
);

CREATE FUNCTION may_read_pointer(
    of_subject uuid, written_by uuid, category text, sensitive text[]
) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN is_own(of_subject) OR (
    asking('organization') IS NOT NULL
    AND NOT is_excluded(of_subject)
    AND CASE
        WHEN written_by::text = asking('organization') THEN is_involved(of_subject)
        ELSE is_linked(of_subject, true)
            AND function_may_see(category || sensitive)
            AND EXISTS (
                SELECT FROM consent c
                WHERE c.subject_id = of_subject AND opens_record(c)
                  AND names(c, category, sensitive)
            )
    END
);

-- A referral: the person, the sender, and the receiver whose function may see what it reveals.
CREATE FUNCTION may_read_referral(
    of_subject uuid, sent_by uuid, received_by uuid, state text, sensitive text[]
) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN is_own(of_subject) OR (
    asking('organization') IS NOT NULL
    AND NOT is_excluded(of_subject)
    AND (
        sent_by::text = asking('organization')
        OR (
            received_by::text = asking('organization') AND state <> 'draft'
            AND 'referrals:read' = ANY (string_to_array(asking('scopes'), ' '))
            AND function_is_known() AND function_may_see(sensitive)
        )
    )
);
