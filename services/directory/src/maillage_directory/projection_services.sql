-- One row of card and one of service_search for every service asked for. Bind parameter: services (a uuid
-- array). What lies below the services is gathered table by table, each read once by its index, and joined:
-- gathering it service by service costs three times as much.
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
    WHERE s.id = ANY (CAST(:services AS uuid[]))
), asked_need AS MATERIALIZED (
    SELECT n.service_id, a.above AS code, bool_or(a.above = n.need_code) AS is_own
    FROM service_need n
    JOIN need_above a ON a.code = n.need_code
    WHERE n.service_id = ANY (CAST(:services AS uuid[]))
    GROUP BY n.service_id, a.above
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
    WHERE n.code IN (SELECT a.code FROM asked_need a)
), needs AS (
    SELECT a.service_id, array_agg(a.code ORDER BY a.code) AS above,
        array_agg(a.code ORDER BY a.code) FILTER (WHERE a.is_own) AS own,
        string_agg(CASE WHEN a.is_own THEN w.own_spelled ELSE w.spelled END, ' ' ORDER BY a.code)
            AS spelled,
        public.tsvector_of(CASE WHEN a.is_own THEN w.own_document ELSE w.document END
            ORDER BY a.code) AS document
    FROM asked_need a
    JOIN need_words w ON w.code = a.code
    GROUP BY a.service_id
), organization_words AS MATERIALIZED (
    SELECT o.id, spelled.name AS spelled,
        to_tsvector('public.directory_french', COALESCE(o.name->>'fr', ''))
        || to_tsvector('public.directory_dutch', COALESCE(o.name->>'nl', ''))
        || to_tsvector('public.directory_simple', COALESCE(spelled.name, '')) AS document
    FROM (SELECT DISTINCT ON (s.organization_id) s.organization_id AS id, s.o_name AS name FROM asked s) o
    CROSS JOIN LATERAL (
        SELECT string_agg(value, ' ') AS name FROM jsonb_each_text(o.name)
    ) spelled
), placed AS MATERIALIZED (
    -- A confidential place gives no coordinates and is placed nowhere.
    SELECT sal.service_id, sal.description AS at_location, l.*,
        NOT l.is_confidential AND l.location_type = 'physical' AS is_told,
        pc.code::text AS told_postcode, c.latitude AS c_latitude, c.longitude AS c_longitude
    FROM service_at_location sal
    JOIN location l ON l.id = sal.location_id
    LEFT JOIN territory c ON c.code = l.commune_code
    LEFT JOIN territory pc ON pc.code = l.postcode AND pc.kind = 'postcode'
    WHERE sal.service_id = ANY (CAST(:services AS uuid[]))
), area AS (
    -- A place lies where its postcode does and, surely, where its commune surely does and inside the
    -- outlines drawn around it; what that settles for a kind of territory beats the postcode's doubts.
    SELECT service_id,
        COALESCE(array_agg(DISTINCT above) FILTER (WHERE is_certain), '{}') AS certain,
        COALESCE(array_agg(DISTINCT above) FILTER (WHERE NOT is_certain), '{}') AS perhaps
    FROM (
        SELECT z.service_id, a.above::text, a.is_certain, false AS is_settled
        FROM action_zone z
        JOIN territory_above a ON a.code = z.territory_code
        WHERE z.service_id = ANY (CAST(:services AS uuid[]))
        UNION ALL
        SELECT w.service_id, a.above::text, a.is_certain,
            bool_or(a.is_certain) OVER (PARTITION BY w.service_id, w.id, t.kind)
        FROM (
            SELECT service_id, id, told_postcode AS code, false AS is_sure FROM placed
            WHERE is_told AND told_postcode IS NOT NULL
            UNION ALL
            SELECT service_id, id, commune_code::text, told_postcode IS NOT NULL FROM placed
            WHERE is_told AND commune_code IS NOT NULL
            UNION ALL
            SELECT service_id, id, h.code, true
            FROM placed CROSS JOIN LATERAL territories_holding(latitude, longitude) AS h(code)
            WHERE is_told AND latitude IS NOT NULL
        ) w
        JOIN territory_above a ON a.code = w.code AND (a.is_certain OR NOT w.is_sure)
        JOIN territory t ON t.code = a.above
    ) lying
    WHERE is_certain OR NOT is_settled
    GROUP BY service_id
), place AS (
    SELECT p.service_id,
        array_agg(p.shown_latitude) FILTER (WHERE p.shown_latitude IS NOT NULL) AS latitudes,
        array_agg(p.shown_longitude) FILTER (WHERE p.shown_latitude IS NOT NULL) AS longitudes,
        array_agg('@' || floor(p.shown_latitude * 4) || '/' || floor(p.shown_longitude * 2.5))
            FILTER (WHERE p.shown_latitude IS NOT NULL) AS cells,
        jsonb_agg(CASE WHEN p.is_confidential
            THEN jsonb_build_object('id', p.id, 'confidential', true)
            ELSE p.details || jsonb_build_object(
                'id', p.id, 'confidential', false, 'location_type', p.location_type,
                'name', p.name, 'at_location', p.at_location,
                'address', COALESCE(p.details->'address', '{}') || jsonb_build_object(
                    'street', p.street, 'postcode', p.postcode,
                    'city', p.city, 'country', p.country, 'commune_nis', p.commune_code),
                'latitude', COALESCE(p.latitude, p.c_latitude),
                'longitude', COALESCE(p.longitude, p.c_longitude),
                'precision', CASE WHEN p.latitude IS NOT NULL THEN 'address'
                    WHEN p.c_latitude IS NOT NULL THEN 'commune' END)
            END ORDER BY p.id) AS locations
    FROM (
        SELECT *, CASE WHEN is_told THEN COALESCE(latitude, c_latitude) END AS shown_latitude,
            CASE WHEN is_told THEN COALESCE(longitude, c_longitude) END AS shown_longitude
        FROM placed
    ) p
    GROUP BY p.service_id
), program AS (
    SELECT p.service_id, array_agg(p.program_code::text ORDER BY p.program_code) AS codes
    FROM service_program p WHERE p.service_id = ANY (CAST(:services AS uuid[])) GROUP BY p.service_id
), spoken AS (
    SELECT l.service_id, array_agg(l.code ORDER BY l.code) AS codes,
        jsonb_object_agg(l.code, l.note) FILTER (WHERE l.note <> '{}') AS notes
    FROM service_language l WHERE l.service_id = ANY (CAST(:services AS uuid[])) GROUP BY l.service_id
), zone AS (
    SELECT z.service_id, array_agg(z.territory_code::text ORDER BY z.territory_code) AS codes
    FROM action_zone z WHERE z.service_id = ANY (CAST(:services AS uuid[])) GROUP BY z.service_id
), condition AS (
    SELECT c.service_id, array_agg(c.kind::text) FILTER (WHERE c.state = 'yes') AS yes,
        array_agg(c.kind::text) FILTER (WHERE c.state = 'no') AS no,
        jsonb_object_agg(c.kind, c.state) AS known
    FROM service_condition c WHERE c.service_id = ANY (CAST(:services AS uuid[])) GROUP BY c.service_id
), plain AS (
    -- The plain rules alone, day by day; see ServiceSearch.
    SELECT h.id, range_agg(slot) AS slots
    FROM schedule h
    CROSS JOIN unnest('{MO,TU,WE,TH,FR,SA,SU}'::text[]) WITH ORDINALITY AS d(code, number)
    CROSS JOIN LATERAL (
        SELECT int4range((d.number::int - 1) * 2880 + h.opens_minute,
            (d.number::int - 1) * 2880 + h.closes_minute) AS slot
    ) at
    WHERE h.service_id = ANY (CAST(:services AS uuid[])) AND h.freq = 'WEEKLY' AND h.repeat_every = 1
        AND h.starts_on IS NULL AND h.ends_on IS NULL AND d.code = ANY (h.byday)
    GROUP BY h.id
), open AS (
    SELECT h.service_id,
        jsonb_agg(jsonb_build_object(
            'freq', h.freq, 'interval', h.repeat_every, 'byday', h.byday,
            'bymonthday', h.bymonthday, 'opens', h.opens_minute, 'closes', h.closes_minute,
            'starts_on', h.starts_on, 'ends_on', h.ends_on, 'week_shift', h.week_shift,
            'phase', h.phase, 'on_holidays', h.on_holidays
        )) FILTER (WHERE h.freq <> 'WEEKLY' OR h.repeat_every <> 1 OR h.starts_on IS NOT NULL
            OR h.ends_on IS NOT NULL) AS rules,
        range_agg(p.slots) AS ordinary,
        range_agg(p.slots) FILTER (WHERE h.on_holidays = 'open') AS on_holidays,
        jsonb_agg(jsonb_build_object(
            'freq', h.freq, 'interval', h.repeat_every, 'byday', h.byday,
            'bymonthday', h.bymonthday, 'opens', h.opens_minute, 'closes', h.closes_minute,
            'dtstart', h.dtstart, 'until', h.until, 'count', h.count, 'wkst', h.wkst,
            'valid_from', h.valid_from, 'valid_to', h.valid_to, 'starts_on', h.starts_on,
            'ends_on', h.ends_on, 'week_shift', h.week_shift, 'phase', h.phase,
            'on_holidays', h.on_holidays, 'description', h.description,
            'attending_type', h.attending_type, 'schedule_link', h.schedule_link
        ) ORDER BY h.position) AS schedules
    FROM schedule h
    LEFT JOIN plain p ON p.id = h.id
    WHERE h.service_id = ANY (CAST(:services AS uuid[]))
    GROUP BY h.service_id
), turn AS (
    SELECT t.service_id, jsonb_agg(jsonb_build_object(
        'freq', t.freq, 'interval', t.repeat_every, 'byday', t.byday,
        'bymonthday', t.bymonthday, 'opens', t.opens_minute, 'closes', t.closes_minute,
        'starts_on', t.starts_on, 'ends_on', t.ends_on, 'week_shift', t.week_shift,
        'phase', t.phase, 'on_holidays', t.on_holidays
    ) ORDER BY t.rota_id, t.position) AS turns
    FROM rota_turn t WHERE t.service_id = ANY (CAST(:services AS uuid[])) GROUP BY t.service_id
), shut AS (
    SELECT x.service_id, range_agg(daterange(x.starts_on, x.ends_on, '[]')) AS closed,
        jsonb_agg(jsonb_build_object('from', x.starts_on, 'to', x.ends_on, 'reason', x.reason)
            ORDER BY x.starts_on, x.id) AS closures
    FROM closure x WHERE x.service_id = ANY (CAST(:services AS uuid[])) GROUP BY x.service_id
), phoned AS (
    SELECT p.service_id, jsonb_agg(jsonb_build_object(
        'number', p.number, 'extension', p.extension, 'kind', p.kind,
        'description', p.description, 'visibility', p.visibility) ORDER BY p.position) AS phones
    FROM phone p WHERE p.service_id = ANY (CAST(:services AS uuid[])) GROUP BY p.service_id
), met AS (
    SELECT c.service_id, jsonb_agg(jsonb_build_object(
        'name', c.name, 'title', c.title, 'email', c.email, 'phone', c.phone,
        'visibility', c.visibility) ORDER BY c.position) AS contacts
    FROM contact c WHERE c.service_id = ANY (CAST(:services AS uuid[])) GROUP BY c.service_id
), capacity AS (
    SELECT DISTINCT ON (r.service_id) r.service_id, r.status, r.valid_until, jsonb_build_object(
        'status', r.status, 'places', r.places, 'unit', r.unit, 'waiting_days', r.waiting_days,
        'observed_at', r.observed_at, 'valid_until', r.valid_until, 'confidence', r.confidence,
        'source', r.source
    ) AS report
    FROM capacity_report r WHERE r.service_id = ANY (CAST(:services AS uuid[]))
    ORDER BY r.service_id, r.observed_at DESC, r.id DESC
), checked AS (
    SELECT v.service_id, max(v.verified_at) AS verified_at
    FROM verification v WHERE v.service_id = ANY (CAST(:services AS uuid[])) AND v.fields = '{}'
    GROUP BY v.service_id
), made AS MATERIALIZED (
    SELECT
        s.id, s.organization_id, s.status, s.visibility, s.network, s.o_visibility, s.o_network,
        s.source, COALESCE(s.kind, s.o_kind) AS kind, s.access, s.age_min, s.age_max, s.version,
        s.updated_at,
        COALESCE(needs.above, '{}') AS needs, COALESCE(program.codes, '{}') AS programs,
        COALESCE(spoken.codes, '{?}') AS languages, COALESCE(zone.codes, '{}') AS zones,
        COALESCE(area.certain, '{}') AS within,
        CASE WHEN area.perhaps <> '{}'
            THEN ARRAY(SELECT unnest(area.perhaps) EXCEPT SELECT unnest(area.certain))
            ELSE '{}' END AS perhaps_within,
        COALESCE(condition.yes, '{}')
            || CASE WHEN s.cost = 'free' THEN '{cost_free}'::text[] ELSE '{}' END
            || CASE WHEN s.accessible = 'yes' THEN '{accessible}'::text[] ELSE '{}' END
            AS answers_yes,
        COALESCE(condition.no, '{}')
            || CASE WHEN s.cost = 'paid' THEN '{cost_free}'::text[] ELSE '{}' END
            || CASE WHEN s.accessible = 'no' THEN '{accessible}'::text[] ELSE '{}' END
            AS answers_no,
        COALESCE(place.latitudes, '{}') AS latitudes, COALESCE(place.longitudes, '{}') AS longitudes,
        s.access && '{phone,online,home_visit,mobile_round}'::text[] AS is_remote,
        COALESCE(place.cells, CASE WHEN zone.codes IS NULL THEN '{@}' ELSE '{}' END::text[]) AS cells,
        num_nonnulls(open.schedules, turn.turns) > 0 AS has_schedule,
        jsonb_strip_nulls(COALESCE(open.rules || turn.turns, open.rules, turn.turns)) AS rules,
        COALESCE(open.ordinary, '{}') AS ordinary, COALESCE(open.on_holidays, '{}') AS on_holidays,
        COALESCE(shut.closed, '{}') AS closed, capacity.status AS capacity_status,
        capacity.valid_until AS capacity_valid_until, checked.verified_at,
        lower(public.unaccent(COALESCE(s.name->>'fr', s.name->>'nl', spelled.name))) AS sort_name,
        setweight(to_tsvector('public.directory_french', COALESCE(s.name->>'fr', ''))
            || to_tsvector('public.directory_dutch', COALESCE(s.name->>'nl', ''))
            || to_tsvector('public.directory_simple', spelled.name), 'A')
        || setweight(COALESCE(needs.document, ''), 'B') || setweight(host.document, 'C')
        -- French and Dutch descriptions are found by their stems alone: half the size, and the time.
        || setweight(to_tsvector('public.directory_french', COALESCE(s.description->>'fr', ''))
            || to_tsvector('public.directory_dutch', COALESCE(s.description->>'nl', ''))
            || to_tsvector('public.directory_simple', COALESCE(spelled.description, '')), 'D')
            AS document,
        lower(public.unaccent(concat_ws(' ', spelled.name, needs.spelled, host.spelled)))
            AS typo_text,
        jsonb_strip_nulls(s.details || jsonb_build_object(
            'id', s.id, 'status', s.status,
            'organization', jsonb_build_object('id', s.organization_id, 'name', s.o_name,
                'kind', s.o_kind),
            'name', s.name, 'description', s.description, 'text_origins', s.text_origins,
            'kind', COALESCE(s.kind, s.o_kind), 'own_kind', s.kind,
            'needs', COALESCE(needs.own, '{}'), 'languages', COALESCE(spoken.codes, '{}'),
            'language_notes', COALESCE(spoken.notes, '{}'),
            'interpreter', s.offers_interpreter, 'access', s.access,
            'conditions', COALESCE(condition.known, '{}'), 'age_min', s.age_min,
            'age_max', s.age_max, 'cost', s.cost, 'accessible', s.accessible,
            'schedules', COALESCE(open.schedules, '[]'), 'turns', COALESCE(turn.turns, '[]'),
            'closures', COALESCE(shut.closures, '[]'),
            'locations', COALESCE(place.locations, '[]'), 'phones', COALESCE(phoned.phones, '[]'),
            'contacts', COALESCE(met.contacts, '[]'),
            'email', s.email, 'url', s.url, 'action_zones', COALESCE(zone.codes, '{}'),
            'programs', COALESCE(program.codes, '{}'), 'visibility', s.visibility,
            'network', s.network, 'field_visibility', s.field_visibility, 'source', s.source,
            'source_date', s.source_on, 'external_id', s.external_id, 'licence', s.licence,
            'capacity', capacity.report
        )) AS content
    FROM asked s
    JOIN organization_words host ON host.id = s.organization_id
    LEFT JOIN needs ON needs.service_id = s.id
    LEFT JOIN program ON program.service_id = s.id
    LEFT JOIN spoken ON spoken.service_id = s.id
    LEFT JOIN zone ON zone.service_id = s.id
    LEFT JOIN condition ON condition.service_id = s.id
    LEFT JOIN place ON place.service_id = s.id
    LEFT JOIN area ON area.service_id = s.id
    LEFT JOIN open ON open.service_id = s.id
    LEFT JOIN turn ON turn.service_id = s.id
    LEFT JOIN shut ON shut.service_id = s.id
    LEFT JOIN phoned ON phoned.service_id = s.id
    LEFT JOIN met ON met.service_id = s.id
    LEFT JOIN capacity ON capacity.service_id = s.id
    LEFT JOIN checked ON checked.service_id = s.id
    CROSS JOIN LATERAL (
        SELECT string_agg(value, ' ') FILTER (WHERE field = 'name') AS name,
            string_agg(value, ' ') FILTER (WHERE field = 'description' AND key NOT IN ('fr', 'nl'))
                AS description
        FROM (
            SELECT 'name' AS field, key, value FROM jsonb_each_text(s.name)
            UNION ALL SELECT 'description', key, value FROM jsonb_each_text(s.description)
        ) texts
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
    has_schedule, rules, hours, holiday_hours, closed, capacity_status, capacity_valid_until,
    verified_at, quality, sort_name, typo_text, document
)
SELECT
    id, organization_id, status, visibility, network, o_visibility, o_network, source,
    source = 'demo', kind, needs, programs, access,
    languages, zones, within, perhaps_within,
    ARRAY(
        SELECT p.key || need.suffix
        FROM (
            SELECT DISTINCT unnest(within || perhaps_within || cells)
            UNION ALL SELECT '+' || unnest(zones)
        ) p(key)
        CROSS JOIN (SELECT '' UNION ALL SELECT '|' || unnest(needs)) need(suffix)
    ),
    answers_yes, answers_no, age_min, age_max, latitudes, longitudes, is_remote, has_schedule,
    rules, ordinary, on_holidays, closed, capacity_status, capacity_valid_until,
    verified_at, service_quality(content, verified_at), sort_name, typo_text, document
FROM made
ON CONFLICT (service_id) DO UPDATE SET
    (organization_id, status, visibility, network, organization_visibility,
    organization_network, source, is_demo, kind, needs, programs, access, languages, zones,
    within, perhaps_within, places, answers_yes, answers_no, age_min, age_max, latitudes,
    longitudes, is_remote, has_schedule, rules, hours, holiday_hours, closed,
    capacity_status, capacity_valid_until, verified_at, quality, sort_name, typo_text, document)
    = (excluded.organization_id, excluded.status, excluded.visibility, excluded.network,
    excluded.organization_visibility, excluded.organization_network, excluded.source,
    excluded.is_demo, excluded.kind, excluded.needs, excluded.programs, excluded.access,
    excluded.languages, excluded.zones, excluded.within, excluded.perhaps_within,
    excluded.places, excluded.answers_yes, excluded.answers_no, excluded.age_min,
    excluded.age_max, excluded.latitudes, excluded.longitudes, excluded.is_remote,
    excluded.has_schedule, excluded.rules, excluded.hours, excluded.holiday_hours,
    excluded.closed, excluded.capacity_status, excluded.capacity_valid_until,
    excluded.verified_at, excluded.quality, excluded.sort_name, excluded.typo_text,
    excluded.document)
