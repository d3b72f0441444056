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
), need_words AS MATERIALIZED (
    -- The everyday words of a need are its own: "studio" should not find every housing service.
    SELECT n.code, named.spelled, concat_ws(' ', named.spelled, own.fr, own.nl, own.en) AS own_spelled,
        named.document,
        named.document || to_tsvector('public.directory_french', COALESCE(own.fr, ''))
            || to_tsvector('public.directory_dutch', COALESCE(own.nl, ''))
            || to_tsvector('public.directory_simple', concat_ws(' ', own.fr, own.nl, own.en))
            AS own_document
    FROM need n
    CROSS JOIN LATERAL (
        SELECT concat_ws(' ', n.name->>'fr', n.name->>'nl', n.name->>'en') AS spelled,
            to_tsvector('public.directory_french', COALESCE(n.name->>'fr', ''))
            || to_tsvector('public.directory_dutch', COALESCE(n.name->>'nl', ''))
            || to_tsvector('public.directory_simple',
                concat_ws(' ', n.name->>'fr', n.name->>'nl', n.name->>'en')) AS document
    ) named
    CROSS JOIN LATERAL (
        SELECT n.keywords->>'fr' AS fr, n.keywords->>'nl' AS nl, n.keywords->>'en' AS en
    ) own
    WHERE n.code IN (
        SELECT a.above FROM asked s
        JOIN service_need sn ON sn.service_id = s.id JOIN need_above a ON a.code = sn.need_code
    )
), organization_words AS MATERIALIZED (
    SELECT o.id, spelled.name AS spelled,
        to_tsvector('public.directory_french', COALESCE(o.name->>'fr', ''))
        || to_tsvector('public.directory_dutch', COALESCE(o.name->>'nl', ''))
        || to_tsvector('public.directory_simple', COALESCE(spelled.name, '')) AS document
    FROM organization o
    CROSS JOIN LATERAL (
        SELECT string_agg(value, ' ') AS name FROM jsonb_each_text(o.name)
    ) spelled
    WHERE o.id IN (SELECT s.organization_id FROM asked s)
), told AS MATERIALIZED (
    -- A confidential place is placed nowhere.
    SELECT sal.service_id, l.id, l.latitude, l.longitude, l.commune_code::text AS commune,
        pc.code::text AS postcode
    FROM asked s
    JOIN service_at_location sal ON sal.service_id = s.id
    JOIN location l ON l.id = sal.location_id
        AND NOT l.is_confidential AND l.location_type = 'physical'
    LEFT JOIN territory pc ON pc.code = l.postcode AND pc.kind = 'postcode'
), area AS MATERIALIZED (
    -- A place lies where its postcode does and, surely, where its commune surely does and inside the
    -- outlines drawn around it; what that settles for a kind of territory beats the postcode's doubts.
    SELECT service_id,
        COALESCE(array_agg(DISTINCT above) FILTER (WHERE is_certain), '{}') AS certain,
        COALESCE(array_agg(DISTINCT above) FILTER (WHERE NOT is_certain), '{}') AS perhaps
    FROM (
        SELECT z.service_id, a.above::text, a.is_certain, false AS is_settled
        FROM asked s
        JOIN action_zone z ON z.service_id = s.id
        JOIN territory_above a ON a.code = z.territory_code
        UNION ALL
        SELECT w.service_id, a.above::text, a.is_certain,
            bool_or(a.is_certain) OVER (PARTITION BY w.service_id, w.id, t.kind)
        FROM (
            SELECT service_id, id, postcode AS code, false AS is_sure FROM told
            WHERE postcode IS NOT NULL
            UNION ALL
            SELECT service_id, id, commune, postcode IS NOT NULL FROM told WHERE commune IS NOT NULL
            UNION ALL
            SELECT service_id, id, h.code, true
            FROM told CROSS JOIN LATERAL territories_holding(latitude, longitude) AS h(code)
            WHERE latitude IS NOT NULL
        ) w
        JOIN territory_above a ON a.code = w.code AND (a.is_certain OR NOT w.is_sure)
        JOIN territory t ON t.code = a.above
    ) placed
    WHERE is_certain OR NOT is_settled
    GROUP BY service_id
), made AS MATERIALIZED (
    SELECT
        s.id, s.organization_id, s.status, s.visibility, s.network, s.o_visibility, s.o_network,
        s.source, COALESCE(s.kind, s.o_kind) AS kind, s.access, s.age_min, s.age_max, s.version,
        s.updated_at,
        need.above AS needs, program.codes AS programs, spoken.codes AS languages,
        zone.codes AS zones, COALESCE(area.certain, '{}') AS within,
        ARRAY(SELECT unnest(area.perhaps) EXCEPT SELECT unnest(area.certain)) AS perhaps_within,
        condition.yes || CASE WHEN s.cost = 'free' THEN '{cost_free}'::text[] ELSE '{}' END
            || CASE WHEN s.accessible = 'yes' THEN '{accessible}'::text[] ELSE '{}' END
            AS answers_yes,
        condition.no || CASE WHEN s.cost = 'paid' THEN '{cost_free}'::text[] ELSE '{}' END
            || CASE WHEN s.accessible = 'no' THEN '{accessible}'::text[] ELSE '{}' END
            AS answers_no,
        place.latitudes, place.longitudes,
        s.access && '{phone,online,home_visit,mobile_round}'::text[] AS is_remote,
        place.cells, hours.has_schedule, hours.has_rules, hours.ordinary, hours.on_holidays,
        hours.closed, capacity.status AS capacity_status,
        capacity.valid_until AS capacity_valid_until, checked.verified_at,
        lower(public.unaccent(COALESCE(s.name->>'fr', s.name->>'nl', spelled.name))) AS sort_name,
        setweight(to_tsvector('public.directory_french', COALESCE(s.name->>'fr', ''))
            || to_tsvector('public.directory_dutch', COALESCE(s.name->>'nl', ''))
            || to_tsvector('public.directory_simple', spelled.name), 'A')
        || setweight(need.document, 'B') || setweight(host.document, 'C')
        -- French and Dutch descriptions are found by their stems alone: half the size, and the time.
        || setweight(to_tsvector('public.directory_french', COALESCE(s.description->>'fr', ''))
            || to_tsvector('public.directory_dutch', COALESCE(s.description->>'nl', ''))
            || to_tsvector('public.directory_simple', COALESCE(spelled.description, '')), 'D')
            AS document,
        lower(public.unaccent(concat_ws(' ', spelled.name, need.spelled, host.spelled)))
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
            'schedules', hours.schedules, 'turns', hours.turns, 'closures', hours.closures,
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
            COALESCE(array_agg(n.code ORDER BY n.code) FILTER (WHERE n.is_own), '{}') AS own,
            COALESCE(array_agg(n.code ORDER BY n.code), '{}') AS above,
            string_agg(CASE WHEN n.is_own THEN w.own_spelled ELSE w.spelled END, ' ') AS spelled,
            public.tsvector_of(CASE WHEN n.is_own THEN w.own_document ELSE w.document END) AS document
        FROM (
            SELECT a.above AS code, bool_or(a.above = sn.need_code) AS is_own
            FROM service_need sn JOIN need_above a ON a.code = sn.need_code
            WHERE sn.service_id = s.id
            GROUP BY a.above
        ) n
        JOIN need_words w ON w.code = n.code
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
            COALESCE(array_agg('@' || floor(p.latitude * 4) || '/' || floor(p.longitude * 2.5))
                FILTER (WHERE p.latitude IS NOT NULL),
                CASE WHEN zone.codes = '{}' THEN '{@}' ELSE '{}' END::text[]) AS cells,
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
    LEFT JOIN area ON area.service_id = s.id
    JOIN organization_words host ON host.id = s.organization_id
    CROSS JOIN LATERAL (
        SELECT h.has_schedule OR t.turns <> '[]' AS has_schedule,
            h.has_rules OR t.turns <> '[]' AS has_rules,
            h.schedules, t.turns, x.closures, x.closed, plain.ordinary, plain.on_holidays
        FROM (
            SELECT count(*) > 0 AS has_schedule,
                COALESCE(bool_or(NOT is_plain), false) AS has_rules,
                COALESCE(jsonb_agg(jsonb_build_object(
                    'freq', h.freq, 'interval', h.repeat_every, 'byday', h.byday,
                    'bymonthday', h.bymonthday, 'opens', h.opens_minute, 'closes', h.closes_minute,
                    'dtstart', h.dtstart, 'until', h.until, 'count', h.count, 'wkst', h.wkst,
                    'valid_from', h.valid_from, 'valid_to', h.valid_to, 'starts_on', h.starts_on,
                    'ends_on', h.ends_on, 'week_shift', h.week_shift, 'phase', h.phase,
                    'on_holidays', h.on_holidays, 'description', h.description,
                    'attending_type', h.attending_type, 'schedule_link', h.schedule_link
                ) ORDER BY h.position), '[]') AS schedules
            FROM schedule h
            CROSS JOIN LATERAL (
                SELECT h.freq = 'WEEKLY' AND h.repeat_every = 1 AND h.starts_on IS NULL
                    AND h.ends_on IS NULL AS is_plain
            ) plain
            WHERE h.service_id = s.id
        ) h
        CROSS JOIN (
            -- The plain rules alone, day by day; see ServiceSearch.
            SELECT COALESCE(range_agg(slot), '{}') AS ordinary,
                COALESCE(range_agg(slot) FILTER (WHERE h.on_holidays = 'open'), '{}') AS on_holidays
            FROM schedule h
            CROSS JOIN unnest('{MO,TU,WE,TH,FR,SA,SU}'::text[]) WITH ORDINALITY AS d(code, number)
            CROSS JOIN LATERAL (
                SELECT int4range((d.number::int - 1) * 2880 + h.opens_minute,
                    (d.number::int - 1) * 2880 + h.closes_minute) AS slot
            ) at
            WHERE h.service_id = s.id AND h.freq = 'WEEKLY' AND h.repeat_every = 1
                AND h.starts_on IS NULL AND h.ends_on IS NULL AND d.code = ANY (h.byday)
        ) plain
        CROSS JOIN (
            SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'freq', t.freq, 'interval', t.repeat_every, 'byday', t.byday,
                'bymonthday', t.bymonthday, 'opens', t.opens_minute, 'closes', t.closes_minute,
                'starts_on', t.starts_on, 'ends_on', t.ends_on, 'week_shift', t.week_shift,
                'phase', t.phase, 'on_holidays', t.on_holidays
            ) ORDER BY t.rota_id, t.position), '[]') AS turns
            FROM rota_turn t WHERE t.service_id = s.id
        ) t
        CROSS JOIN (
            SELECT COALESCE(range_agg(daterange(x.starts_on, x.ends_on, '[]')), '{}') AS closed,
                COALESCE(jsonb_agg(jsonb_build_object(
                    'from', x.starts_on, 'to', x.ends_on, 'reason', x.reason
                ) ORDER BY x.starts_on, x.id), '[]') AS closures
            FROM closure x WHERE x.service_id = s.id
        ) x
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
            (SELECT string_agg(value, ' ') FROM jsonb_each_text(s.description)
            WHERE key NOT IN ('fr', 'nl')) AS description
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
    perhaps_within, places, answers_yes, answers_no, age_min, age_max, latitudes, longitudes, is_remote,
    has_schedule, has_rules, hours, holiday_hours, closed, capacity_status, capacity_valid_until,
    verified_at, quality, sort_name, typo_text, document
)
SELECT
    id, organization_id, status, visibility, network, o_visibility, o_network, source,
    source = 'demo', kind, needs, programs, access,
    CASE WHEN languages = '{}' THEN '{?}' ELSE languages END, zones, within, perhaps_within,
    ARRAY(
        SELECT p.key || need.suffix
        FROM (
            SELECT DISTINCT unnest(within || perhaps_within || cells)
            UNION ALL SELECT '+' || unnest(zones)
        ) p(key)
        CROSS JOIN (SELECT '' UNION ALL SELECT '|' || unnest(needs)) need(suffix)
    ),
    answers_yes, answers_no, age_min, age_max, latitudes, longitudes, is_remote, has_schedule,
    has_rules, ordinary, on_holidays, closed, capacity_status, capacity_valid_until,
    verified_at, service_quality(content, verified_at), sort_name, typo_text, document
FROM made
ON CONFLICT (service_id) DO UPDATE SET
    (organization_id, status, visibility, network, organization_visibility,
    organization_network, source, is_demo, kind, needs, programs, access, languages, zones,
    within, perhaps_within, places, answers_yes, answers_no, age_min, age_max, latitudes,
    longitudes, is_remote, has_schedule, has_rules, hours, holiday_hours, closed,
    capacity_status, capacity_valid_until, verified_at, quality, sort_name, typo_text, document)
    = (excluded.organization_id, excluded.status, excluded.visibility, excluded.network,
    excluded.organization_visibility, excluded.organization_network, excluded.source,
    excluded.is_demo, excluded.kind, excluded.needs, excluded.programs, excluded.access,
    excluded.languages, excluded.zones, excluded.within, excluded.perhaps_within,
    excluded.places, excluded.answers_yes, excluded.answers_no, excluded.age_min,
    excluded.age_max, excluded.latitudes, excluded.longitudes, excluded.is_remote,
    excluded.has_schedule, excluded.has_rules, excluded.hours, excluded.holiday_hours,
    excluded.closed, excluded.capacity_status, excluded.capacity_valid_until,
    excluded.verified_at, excluded.quality, excluded.sort_name, excluded.typo_text,
    excluded.document)
