-- One row of card and one of service_search for every service asked for. Bind parameters: services, organizations
-- (uuid arrays or null; both null = all services).
WITH RECURSIVE need_above(code, above) AS (
    SELECT n.code, n.code FROM need n
    UNION
    SELECT a.code, n.parent_code::text
    FROM need_above a JOIN need n ON n.code = a.above
    WHERE n.parent_code IS NOT NULL
), asked AS MATERIALIZED (
    SELECT s.*, o.name AS o_name, o.kind AS o_kind, o.visibility AS o_visibility,
        o.network AS o_network
    FROM service s
    JOIN organization o ON o.id = s.organization_id
    WHERE (CAST(:services AS uuid[]) IS NULL OR s.id = ANY(CAST(:services AS uuid[])))
        AND (CAST(:organizations AS uuid[]) IS NULL
            OR s.organization_id = ANY(CAST(:organizations AS uuid[])))
), territory_above_all AS MATERIALIZED (
    SELECT a.code, a.above, a.is_certain, t.kind
    FROM territory_above a JOIN territory t ON t.code = a.above
), made AS MATERIALIZED (
    SELECT
        s.id, s.organization_id, s.status, s.visibility, s.network, s.o_visibility, s.o_network,
        s.source, COALESCE(s.kind, s.o_kind) AS kind, s.access, s.age_min, s.age_max, s.version,
        s.updated_at,
        need.above AS needs, program.codes AS programs, spoken.codes AS languages,
        zone.codes AS zones, area.certain AS within,
        ARRAY(SELECT unnest(area.perhaps) EXCEPT SELECT unnest(area.certain)) AS perhaps_within,
        condition.yes || CASE WHEN s.cost = 'free' THEN '{cost_free}'::text[] ELSE '{}' END
            || CASE WHEN s.accessible = 'yes' THEN '{accessible}'::text[] ELSE '{}' END
            AS answers_yes,
        condition.no || CASE WHEN s.cost = 'paid' THEN '{cost_free}'::text[] ELSE '{}' END
            || CASE WHEN s.accessible = 'no' THEN '{accessible}'::text[] ELSE '{}' END
            AS answers_no,
        place.latitudes, place.longitudes,
        s.access && '{phone,online,home_visit,mobile_round}'::text[] AS is_remote,
        hours.has_schedule, capacity.status AS capacity_status,
        capacity.valid_until AS capacity_valid_until, checked.verified_at,
        lower(public.unaccent(COALESCE(s.name->>'fr', s.name->>'nl', spelled.name))) AS sort_name,
        jsonb_build_object(
            'name_fr', s.name->>'fr', 'name_nl', s.name->>'nl', 'name_any', spelled.name,
            'need_fr', need.fr, 'need_nl', need.nl, 'need_any', need.spelled,
            'organization_fr', s.o_name->>'fr', 'organization_nl', s.o_name->>'nl',
            'organization_any', spelled.organization,
            'description_fr', s.description->>'fr', 'description_nl', s.description->>'nl',
            'description_any', spelled.description
        ) AS words,
        lower(public.unaccent(concat_ws(' ', spelled.name, need.spelled, spelled.organization)))
            AS typo_text,
        jsonb_strip_nulls(s.details || jsonb_build_object(
            'id', s.id, 'status', s.status,
            'organization', jsonb_build_object('id', s.organization_id, 'name', s.o_name,
                'kind', s.o_kind),
            'name', s.name, 'description', s.description, 'text_origins', s.text_origins,
            'kind', COALESCE(s.kind, s.o_kind), 'own_kind', s.kind, 'needs', need.own,
            'languages', spoken.codes, 'language_notes', spoken.notes,
            'interpreter', s.offers_interpreter, 'access', s.access,
            'conditions', condition.known, 'age_min', s.age_min, 'age_max', s.age_max,
            'cost', s.cost, 'accessible', s.accessible,
            'schedules', hours.schedules, 'closures', hours.closures,
            'locations', place.locations, 'phones', reach.phones, 'contacts', reach.contacts,
            'email', s.email, 'url', s.url, 'action_zones', zone.codes,
            'programs', program.codes, 'visibility', s.visibility, 'network', s.network,
            'field_visibility', s.field_visibility, 'source', s.source,
            'source_date', s.source_on, 'external_id', s.external_id, 'licence', s.licence,
            'capacity', capacity.report
        )) AS content
    FROM asked s
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(array_agg(DISTINCT n.code ORDER BY n.code)
                FILTER (WHERE n.code = sn.need_code), '{}') AS own,
            COALESCE(array_agg(DISTINCT n.code ORDER BY n.code)
                FILTER (WHERE n.code IS NOT NULL), '{}') AS above,
            string_agg(DISTINCT w.fr, ' ') AS fr,
            string_agg(DISTINCT w.nl, ' ') AS nl,
            concat_ws(' ', string_agg(DISTINCT w.fr, ' '), string_agg(DISTINCT w.nl, ' '),
                string_agg(DISTINCT w.en, ' ')) AS spelled
        FROM service_need sn
        JOIN need_above a ON a.code = sn.need_code
        JOIN need n ON n.code = a.above
        -- The everyday words of a need are its own: "studio" should not find every housing service.
        CROSS JOIN LATERAL (
            SELECT
                concat_ws(' ', n.name->>'fr', CASE WHEN own THEN n.keywords->>'fr' END) AS fr,
                concat_ws(' ', n.name->>'nl', CASE WHEN own THEN n.keywords->>'nl' END) AS nl,
                concat_ws(' ', n.name->>'en', CASE WHEN own THEN n.keywords->>'en' END) AS en
            FROM (SELECT n.code = sn.need_code AS own) whose
        ) w
        WHERE sn.service_id = s.id
    ) need
    CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(p.program_code::text ORDER BY p.program_code), '{}') AS codes
        FROM service_program p WHERE p.service_id = s.id
    ) program
    CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(l.code ORDER BY l.code), '{}') AS codes,
            COALESCE(jsonb_object_agg(l.code, l.note) FILTER (WHERE l.note <> '{}'), '{}') AS notes
        FROM service_language l WHERE l.service_id = s.id
    ) spoken
    CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(z.territory_code::text ORDER BY z.territory_code), '{}') AS codes
        FROM action_zone z WHERE z.service_id = s.id
    ) zone
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(array_agg(c.kind::text) FILTER (WHERE c.state = 'yes'), '{}') AS yes,
            COALESCE(array_agg(c.kind::text) FILTER (WHERE c.state = 'no'), '{}') AS no,
            COALESCE(jsonb_object_agg(c.kind, c.state ORDER BY c.kind)
                FILTER (WHERE c.kind IS NOT NULL), '{}') AS known
        FROM service_condition c WHERE c.service_id = s.id
    ) condition
    CROSS JOIN LATERAL (
        -- A confidential place gives no coordinates.
        SELECT
            COALESCE(array_agg(p.latitude) FILTER (WHERE p.latitude IS NOT NULL), '{}') AS latitudes,
            COALESCE(array_agg(p.longitude) FILTER (WHERE p.latitude IS NOT NULL), '{}') AS longitudes,
            COALESCE(jsonb_agg(p.shown ORDER BY p.id), '[]') AS locations
        FROM (
            SELECT l.id,
                CASE WHEN told THEN COALESCE(l.latitude, c.latitude) END AS latitude,
                CASE WHEN told THEN COALESCE(l.longitude, c.longitude) END AS longitude,
                CASE WHEN l.is_confidential
                    THEN jsonb_build_object('id', l.id, 'confidential', true)
                    ELSE l.details || jsonb_build_object(
                        'id', l.id, 'confidential', false, 'location_type', l.location_type,
                        'name', l.name, 'at_location', sal.description,
                        'address', COALESCE(l.details->'address', '{}') || jsonb_build_object(
                            'street', l.street, 'postcode', l.postcode,
                            'city', l.city, 'country', l.country, 'commune_nis', l.commune_code),
                        'latitude', COALESCE(l.latitude, c.latitude),
                        'longitude', COALESCE(l.longitude, c.longitude),
                        'precision', CASE WHEN l.latitude IS NOT NULL THEN 'address'
                            WHEN c.latitude IS NOT NULL THEN 'commune' END)
                END AS shown
            FROM service_at_location sal
            JOIN location l ON l.id = sal.location_id
            LEFT JOIN territory c ON c.code = l.commune_code
            CROSS JOIN LATERAL (
                SELECT NOT l.is_confidential AND l.location_type = 'physical' AS told
            ) confidentiality
            WHERE sal.service_id = s.id
        ) p
    ) place
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(array_agg(DISTINCT t.above) FILTER (WHERE t.is_certain), '{}') AS certain,
            COALESCE(array_agg(DISTINCT t.above) FILTER (WHERE NOT t.is_certain), '{}') AS perhaps
        FROM (
            SELECT z.above, z.is_certain FROM territory_above_all z WHERE z.code = ANY (zone.codes)
            UNION ALL
            -- A place lies where its postcode does and, surely, where its commune surely does; what
            -- that settles for a kind of territory beats the postcode's doubts. Not a confidential one.
            SELECT a.above, a.is_certain
            FROM service_at_location sal
            JOIN location l ON l.id = sal.location_id
                AND NOT l.is_confidential AND l.location_type = 'physical'
            LEFT JOIN territory pc ON pc.code = l.postcode AND pc.kind = 'postcode'
            JOIN territory_above_all a ON a.code = COALESCE(pc.code, l.commune_code::text)
                OR a.code = l.commune_code::text AND a.is_certain
            WHERE sal.service_id = s.id AND (a.is_certain OR NOT EXISTS (
                SELECT FROM territory_above_all c
                WHERE c.code IN (pc.code, l.commune_code::text) AND c.is_certain AND c.kind = a.kind
            ))
        ) t
    ) area
    CROSS JOIN LATERAL (
        SELECT
            EXISTS (SELECT FROM schedule h WHERE h.service_id = s.id) AS has_schedule,
            (SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'freq', h.freq, 'interval', h.repeat_every, 'byday', h.byday,
                'bymonthday', h.bymonthday, 'opens', h.opens_minute, 'closes', h.closes_minute,
                'dtstart', h.dtstart, 'until', h.until, 'count', h.count, 'wkst', h.wkst,
                'valid_from', h.valid_from, 'valid_to', h.valid_to, 'starts_on', h.starts_on,
                'ends_on', h.ends_on, 'week_shift', h.week_shift, 'phase', h.phase,
                'on_holidays', h.on_holidays, 'description', h.description,
                'attending_type', h.attending_type, 'schedule_link', h.schedule_link
            ) ORDER BY h.position), '[]') FROM schedule h WHERE h.service_id = s.id) AS schedules,
            (SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'from', x.starts_on, 'to', x.ends_on, 'reason', x.reason
            ) ORDER BY x.starts_on, x.id), '[]') FROM closure x WHERE x.service_id = s.id) AS closures
    ) hours
    CROSS JOIN LATERAL (
        SELECT
            (SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'number', p.number, 'extension', p.extension, 'kind', p.kind,
                'description', p.description, 'visibility', p.visibility) ORDER BY p.position), '[]')
            FROM phone p WHERE p.service_id = s.id) AS phones,
            (SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'name', c.name, 'title', c.title, 'email', c.email, 'phone', c.phone,
                'visibility', c.visibility) ORDER BY c.position), '[]')
            FROM contact c WHERE c.service_id = s.id) AS contacts
    ) reach
    LEFT JOIN LATERAL (
        SELECT r.status, r.valid_until, jsonb_build_object(
            'status', r.status, 'places', r.places, 'unit', r.unit, 'waiting_days', r.waiting_days,
            'observed_at', r.observed_at, 'valid_until', r.valid_until, 'confidence', r.confidence,
            'source', r.source
        ) AS report
        FROM capacity_report r WHERE r.service_id = s.id
        ORDER BY r.observed_at DESC, r.id DESC LIMIT 1
    ) capacity ON true
    CROSS JOIN LATERAL (
        SELECT max(v.verified_at) AS verified_at
        FROM verification v WHERE v.service_id = s.id AND v.fields = '{}'
    ) checked
    CROSS JOIN LATERAL (
        SELECT
            (SELECT string_agg(value, ' ') FROM jsonb_each_text(s.name)) AS name,
            (SELECT string_agg(value, ' ') FROM jsonb_each_text(s.o_name)) AS organization,
            (SELECT string_agg(value, ' ') FROM jsonb_each_text(s.description)) AS description
    ) spelled
), carded AS (
    INSERT INTO card AS kept (
        resource_id, resource_type, organization_id, visibility, network, organization_visibility,
        organization_network, source, sort_name, content, verified_at, version, updated_at,
        changed_at
    )
    SELECT id, 'service', organization_id, visibility, network, o_visibility, o_network, source,
        sort_name, content, verified_at, version, updated_at, now()
    FROM made
    ON CONFLICT (resource_id) DO UPDATE SET
        (organization_id, visibility, network, organization_visibility, organization_network,
        source, sort_name, content, verified_at, version, updated_at, changed_at)
        = (excluded.organization_id, excluded.visibility, excluded.network,
        excluded.organization_visibility, excluded.organization_network, excluded.source,
        excluded.sort_name, excluded.content, excluded.verified_at, excluded.version,
        excluded.updated_at, excluded.changed_at)
    -- Deriving everything again, as after a change of reference data, is no change of a record.
    WHERE (kept.organization_id, kept.visibility, kept.network, kept.organization_visibility,
        kept.organization_network, kept.sort_name, kept.content, kept.verified_at, kept.version)
        IS DISTINCT FROM (excluded.organization_id, excluded.visibility, excluded.network,
        excluded.organization_visibility, excluded.organization_network, excluded.sort_name,
        excluded.content, excluded.verified_at, excluded.version)
)
INSERT INTO service_search (
    service_id, organization_id, status, visibility, network, organization_visibility,
    organization_network, source, is_demo, kind, needs, programs, access, languages, zones, within,
    perhaps_within, answers_yes, answers_no, age_min, age_max, latitudes, longitudes, is_remote,
    has_schedule, capacity_status, capacity_valid_until, verified_at, sort_name, words, typo_text
)
SELECT
    id, organization_id, status, visibility, network, o_visibility, o_network, source,
    source = 'demo', kind, needs, programs, access, languages, zones, within, perhaps_within,
    answers_yes, answers_no, age_min, age_max, latitudes, longitudes, is_remote, has_schedule,
    capacity_status, capacity_valid_until, verified_at, sort_name, words, typo_text
FROM made
ON CONFLICT (service_id) DO UPDATE SET
    (organization_id, status, visibility, network, organization_visibility,
    organization_network, source, is_demo, kind, needs, programs, access, languages, zones, within,
    perhaps_within, answers_yes, answers_no, age_min, age_max, latitudes, longitudes, is_remote,
    has_schedule, capacity_status, capacity_valid_until, verified_at, sort_name, words, typo_text)
    = (excluded.organization_id, excluded.status, excluded.visibility, excluded.network,
    excluded.organization_visibility, excluded.organization_network, excluded.source,
    excluded.is_demo, excluded.kind, excluded.needs, excluded.programs, excluded.access,
    excluded.languages, excluded.zones, excluded.within, excluded.perhaps_within,
    excluded.answers_yes, excluded.answers_no, excluded.age_min, excluded.age_max,
    excluded.latitudes, excluded.longitudes, excluded.is_remote, excluded.has_schedule,
    excluded.capacity_status, excluded.capacity_valid_until, excluded.verified_at,
    excluded.sort_name, excluded.words, excluded.typo_text)
