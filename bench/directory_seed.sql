-- Fills an empty, migrated directory that holds its reference data with :services services, as a
-- superuser (`session_replication_role` leaves foreign keys unchecked: the rows are right by
-- construction). The same number gives the same rows, ids apart. The region's 19 communes hold the first
-- four thousand; beyond, communes of two hundred services each are added on a square grid of 7 km
-- around it, as dense as Belgium's.
SET session_replication_role = replica;
SET synchronous_commit = off;

CREATE FUNCTION pg_temp.chance(i int, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT (hashint4extended(i, salt) & 1048575)::float8 / 1048576';
CREATE FUNCTION pg_temp.pick(i int, salt int, list text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT list[1 + floor(pg_temp.chance(i, salt) * cardinality(list))::int]';
CREATE FUNCTION pg_temp.id(kind int, i int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$SELECT (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid$$;

INSERT INTO territory (code, kind, name, latitude, longitude)
SELECT 'c' || k, 'commune', jsonb_build_object('fr', 'Commune ' || k, 'nl', 'Gemeente ' || k),
    50.85 + (k / side - side / 2) * 0.065, 4.35 + (k % side - side / 2) * 0.1
FROM generate_series(19, :communes - 1) k, (SELECT ceil(sqrt(:communes))::int) AS grid(side);
INSERT INTO territory (code, kind, name)
SELECT 'b' || b, 'basin', jsonb_build_object('fr', 'Bassin ' || b, 'nl', 'Zorgzone ' || b)
FROM generate_series(2, (:communes - 1) / 10) b;
INSERT INTO territory (code, kind, name)
SELECT 'r' || r, 'region', jsonb_build_object('fr', 'Région ' || r, 'nl', 'Gewest ' || r)
FROM generate_series(0, (:communes - 1) / 500) r WHERE :communes > 19;
INSERT INTO territory_membership (id, territory_code, within_code, is_certain)
SELECT gen_random_uuid(), 'c' || k, 'b' || greatest(2, k / 10), true
FROM generate_series(19, :communes - 1) k WHERE :communes > 20
UNION ALL
SELECT gen_random_uuid(), 'b' || b, 'r' || b / 50, true
FROM generate_series(2, (:communes - 1) / 10) b WHERE :communes > 20;

CREATE TEMP TABLE commune AS
SELECT row_number() OVER (ORDER BY code) - 1 AS k, code, latitude, longitude
FROM territory WHERE kind = 'commune' AND latitude IS NOT NULL AND code NOT LIKE 'c%'
UNION ALL
SELECT substr(code, 2)::int, code, latitude, longitude
FROM territory WHERE kind = 'commune' AND code LIKE 'c%';
CREATE TEMP TABLE asked_need AS
SELECT row_number() OVER (ORDER BY code) - 1 AS k, code, name->>'fr' AS fr, name->>'nl' AS nl,
    string_to_array(coalesce(keywords->>'fr', name->>'fr'), '; ') AS words,
    string_to_array(coalesce(keywords->>'nl', name->>'nl'), '; ') AS woorden
FROM need WHERE parent_code IS NOT NULL OR NOT EXISTS (SELECT FROM need c WHERE c.parent_code = need.code);

INSERT INTO organization (id, name, description, text_origins, kind, visibility, source, version)
SELECT pg_temp.id(1, i), jsonb_build_object('fr', pg_temp.pick(i, 1, '{Maison,Centre,Association,Espace,Relais,Collectif}')
    || ' ' || initcap(substr(translate(md5('o' || i), '0123456789', 'aeiouylrst'), 1, 8))), '{}', '{}',
    pg_temp.pick(i, 2, '{public_institution,association,association,association,initiative}'),
    CASE WHEN pg_temp.chance(i, 3) < 0.03 THEN 'professional' ELSE 'public' END, 'bench', 1
FROM generate_series(0, :services / 4) i;

CREATE TEMP TABLE seed AS
SELECT i, pg_temp.id(2, i) AS id, c.code AS commune, c.latitude, c.longitude,
    n1.code AS need1, n2.code AS need2,
    n1.fr AS fr1, n1.nl AS nl1, pg_temp.pick(i, 10, n1.words) AS word1, pg_temp.pick(i, 11, n2.words) AS word2,
    pg_temp.pick(i, 12, n1.words) AS word3, pg_temp.pick(i, 13, n1.woorden) AS woord1,
    initcap(substr(translate(md5('s' || i), '0123456789', 'aeiouylrst'), 1, 7)) AS proper
FROM generate_series(0, :services - 1) i
JOIN commune c ON c.k = floor(pg_temp.chance(i, 20) * :communes)::int
JOIN asked_need n1 ON n1.k = floor(power(pg_temp.chance(i, 21), 1.6) * (SELECT count(*) FROM asked_need))::int
JOIN asked_need n2 ON n2.k = floor(pg_temp.chance(i, 22) * (SELECT count(*) FROM asked_need))::int;

INSERT INTO service (id, organization_id, status, name, description, text_origins, access, offers_interpreter,
    age_min, age_max, cost, accessible, email, visibility, source, version)
SELECT id, pg_temp.id(1, i / 4), CASE WHEN pg_temp.chance(i, 30) < 0.03 THEN 'inactive' ELSE 'active' END,
    jsonb_build_object('fr', pg_temp.pick(i, 31, '{Permanence,Service,Accueil,Aide,Consultation,Guichet,Atelier}')
        || ' ' || word1 || ' ' || proper, 'nl', pg_temp.pick(i, 31, '{Dienst,Onthaal,Hulp,Raadpleging,Loket,Atelier}')
        || ' ' || woord1 || ' ' || proper),
    jsonb_build_object('fr', 'Nous proposons ' || word1 || ' et ' || word2 || ' aux habitants du quartier, avec '
        || pg_temp.pick(i, 32, '{un accueil sans rendez-vous,une équipe de bénévoles,un travailleur social,des médecins}')
        || ' ; ' || word3 || ' et orientation vers ' || pg_temp.pick(i, 33, '{la commune,le CPAS,une maison médicale,un juriste}')
        || '. Référence ' || proper || '.',
        'nl', 'Wij bieden ' || woord1 || ' aan voor de buurt. ' || nl1 || '.'),
    '{}',
    CASE WHEN pg_temp.chance(i, 34) < 0.12 THEN '{phone}' WHEN pg_temp.chance(i, 34) < 0.6 THEN '{walk_in,appointment}'
        ELSE '{appointment}' END::text[],
    pg_temp.chance(i, 35) < 0.2, CASE WHEN pg_temp.chance(i, 36) < 0.3 THEN 18 END, NULL,
    pg_temp.pick(i, 37, '{free,free,paid,unknown,unknown}'), pg_temp.pick(i, 38, '{yes,no,unknown}'),
    'accueil@s' || i || '.example', CASE WHEN pg_temp.chance(i, 39) < 0.05 THEN 'professional' ELSE 'public' END, 'bench', 1
FROM seed;
INSERT INTO service_need (service_id, need_code)
SELECT id, need1 FROM seed UNION SELECT id, need2 FROM seed WHERE pg_temp.chance(i, 23) < 0.5;
INSERT INTO service_language (service_id, code, note)
SELECT id, l.code, '{}' FROM seed
CROSS JOIN (VALUES ('fr', 0.85), ('nl', 0.5), ('en', 0.35), ('ar', 0.15), ('tr', 0.08), ('es', 0.07), ('uk', 0.04))
    AS l(code, share)
WHERE pg_temp.chance(i, 40) > 0.15 AND pg_temp.chance(i, hashtext(l.code)) < l.share;
INSERT INTO service_condition (service_id, kind, state)
SELECT id, k, CASE WHEN pg_temp.chance(i, hashtext(k)) < 0.35 THEN 'yes' ELSE 'no' END
FROM seed CROSS JOIN unnest('{undocumented,no_insurance,women,anonymous_welcome}'::text[]) k
WHERE pg_temp.chance(i, hashtext(k)) < 0.45;
INSERT INTO action_zone (service_id, territory_code)
SELECT id, commune FROM seed
WHERE pg_temp.chance(i, 50) < CASE WHEN pg_temp.chance(i, 34) < 0.12 THEN 0.95 ELSE 0.6 END;
INSERT INTO location (id, organization_id, location_type, name, street, city, postcode, country, commune_code,
    latitude, longitude, is_confidential, updated_at)
SELECT pg_temp.id(3, i), pg_temp.id(1, i / 4), 'physical', '{}', jsonb_build_object('fr', 'Rue ' || proper || ' ' || i % 200),
    '{}', NULL, 'BE', commune, latitude + (pg_temp.chance(i, 51) - 0.5) * 0.05, longitude + (pg_temp.chance(i, 52) - 0.5) * 0.08,
    pg_temp.chance(i, 53) < 0.03, now()
FROM seed WHERE pg_temp.chance(i, 34) >= 0.12;
INSERT INTO service_at_location (id, service_id, location_id, description)
SELECT pg_temp.id(4, i), id, pg_temp.id(3, i), '{}' FROM seed WHERE pg_temp.chance(i, 34) >= 0.12;
INSERT INTO schedule (id, service_id, position, freq, repeat_every, byday, bymonthday, opens_minute, closes_minute, wkst,
    starts_on, valid_from, week_shift, phase, on_holidays, description)
SELECT pg_temp.id(5, i), id, 0, CASE WHEN pg_temp.chance(i, 61) < 0.03 THEN 'MONTHLY' ELSE 'WEEKLY' END, 1,
    CASE WHEN pg_temp.chance(i, 61) < 0.03 THEN '{1TU,3TU}' WHEN pg_temp.chance(i, 62) < 0.6 THEN '{MO,TU,WE,TH,FR}'
        WHEN pg_temp.chance(i, 62) < 0.8 THEN '{TU,TH}' ELSE '{MO,WE,SA}' END::text[],
    '{}', 540 + 30 * floor(pg_temp.chance(i, 63) * 4)::int, 720 + 30 * floor(pg_temp.chance(i, 64) * 12)::int, 'MO',
    CASE WHEN pg_temp.chance(i, 65) < 0.05 THEN date '2025-01-01' END,
    CASE WHEN pg_temp.chance(i, 65) < 0.05 THEN date '2025-01-01' END, 3, 0, 'closed', '{}'
FROM seed WHERE pg_temp.chance(i, 60) > 0.12;
INSERT INTO closure (id, service_id, starts_on, ends_on, reason)
SELECT pg_temp.id(6, i), id, date '2026-12-24', date '2027-01-02', '{}' FROM seed WHERE pg_temp.chance(i, 66) < 0.1;
INSERT INTO phone (id, service_id, position, number, kind, description, visibility)
SELECT pg_temp.id(7, i), id, 0, '+322' || lpad((i % 10000000)::text, 7, '0'), 'voice', '{}', 'public' FROM seed;
INSERT INTO capacity_report (id, service_id, status, waiting_days, observed_at, valid_until, confidence)
SELECT pg_temp.id(8, i), id, pg_temp.pick(i, 70, '{capacity,capacity,capacity,waitlist,no_capacity}'), NULL,
    now() - interval '3 days', now() + make_interval(days => (pg_temp.chance(i, 71) * 60)::int - 1), 'declared'
FROM seed WHERE pg_temp.chance(i, 72) < 0.3;
INSERT INTO verification (id, service_id, fields, verified_at)
SELECT pg_temp.id(9, i), id, '{}', now() - make_interval(days => (pg_temp.chance(i, 73) * 900)::int)
FROM seed WHERE pg_temp.chance(i, 74) < 0.7;
ANALYZE;
