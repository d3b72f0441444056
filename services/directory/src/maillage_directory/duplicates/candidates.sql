-- Pairs of records that may be the same one, put into `duplicate`; decided ones stay as they are.
-- Bind parameter: touched (a uuid array, or null = all): at least one of a pair is among them.
WITH asked AS (
    SELECT unnest(CAST(:touched AS uuid[])) AS id
    UNION SELECT organization_id FROM service WHERE id = ANY (CAST(:touched AS uuid[]))
), spelled AS MATERIALIZED (
    -- A confidential place gives no hint. One row for each language a street is told in.
    SELECT l.id, l.postcode, k.key AS language, street_name(k.value) AS street,
        substring(k.value FROM '[0-9]+') AS house
    FROM location l CROSS JOIN LATERAL jsonb_each_text(l.street) k
    WHERE NOT l.is_confidential AND l.postcode IS NOT NULL
), two_names AS (
    -- What a street is called in Dutch, learnt from the records that tell both.
    SELECT DISTINCT f.postcode, f.street AS french, n.street AS dutch
    FROM spelled f JOIN spelled n ON n.id = f.id AND f.language = 'fr' AND n.language = 'nl'
), standing AS (
    SELECT DISTINCT sal.service_id,
        concat_ws('|', p.postcode, COALESCE(t.french, p.street), p.house) AS address
    FROM spelled p
    JOIN service_at_location sal ON sal.location_id = p.id
    LEFT JOIN two_names t ON t.postcode = p.postcode AND t.dutch = p.street AND p.language <> 'fr'
    WHERE p.house IS NOT NULL AND p.street <> ''
), web AS (
    SELECT resource_id, resource_type,
        regexp_replace(lower(content->>'url'), '^https?://(www\.)?|/+$', '', 'g') AS url,
        lower(content->>'email') AS email
    FROM card
), signal(resource_id, resource_type, reason, value) AS MATERIALIZED (
    SELECT organization_id, 'organization', 'kbo', identifier
    FROM organization_identifier WHERE scheme = 'BE-KBO'
    UNION SELECT COALESCE(service_id, organization_id),
        CASE WHEN service_id IS NULL THEN 'organization' ELSE 'service' END, 'phone', number
    FROM phone WHERE visibility = 'public'
    UNION SELECT resource_id, resource_type, 'url', url FROM web WHERE url <> ''
    UNION SELECT resource_id, resource_type, 'email', email FROM web WHERE email <> ''
    UNION SELECT service_id, 'service', 'address', address FROM standing
    UNION SELECT s.organization_id, 'organization', 'address', d.address
    FROM standing d JOIN service s ON s.id = d.service_id
), rare AS (
    -- A switchboard or a house of many services tells nothing.
    SELECT reason, resource_type, value FROM signal
    GROUP BY reason, resource_type, value HAVING count(*) BETWEEN 2 AND 20
), pair AS (
    SELECT a.resource_type, a.resource_id AS first_id, b.resource_id AS second_id,
        array_agg(DISTINCT a.reason ORDER BY a.reason) AS reasons
    FROM rare r
    JOIN signal a USING (reason, resource_type, value)
    JOIN signal b USING (reason, resource_type, value)
    WHERE a.resource_id < b.resource_id
        AND (CAST(:touched AS uuid[]) IS NULL
            OR a.resource_id IN (SELECT id FROM asked)
            OR b.resource_id IN (SELECT id FROM asked))
    GROUP BY a.resource_type, a.resource_id, b.resource_id
), judged AS (
    SELECT p.*, alike.name, x.organization_id = y.organization_id AS one_owner
    FROM pair p
    JOIN card x ON x.resource_id = p.first_id
    JOIN card y ON y.resource_id = p.second_id
    CROSS JOIN LATERAL (
        SELECT max(similarity(unaccent(lower(f.value)), unaccent(lower(s.value)))) AS name
        FROM jsonb_each_text(x.content->'name') f, jsonb_each_text(y.content->'name') s
    ) alike
)
INSERT INTO duplicate AS kept (
    id, resource_type, first_id, second_id, score, reasons, found_at
)
SELECT gen_random_uuid(), resource_type, first_id, second_id,
    CASE WHEN 'kbo' = ANY (reasons) THEN 1
        ELSE least(1, 0.5 * name + 0.25 * cardinality(reasons)) END,
    reasons || CASE WHEN name >= 0.5 THEN '{name}'::text[] ELSE '{}' END, now()
FROM judged
WHERE 'kbo' = ANY (reasons) OR name >= CASE
    -- Two services of one organization share its phone and its house as a matter of course.
    WHEN resource_type = 'service' AND one_owner THEN 0.8
    WHEN reasons = '{address}' THEN 0.5
    ELSE 0.3 END
ON CONFLICT (first_id, second_id) DO UPDATE
    SET score = excluded.score, reasons = excluded.reasons
    WHERE kept.decided_at IS NULL
        AND (kept.score, kept.reasons) IS DISTINCT FROM (excluded.score, excluded.reasons)
