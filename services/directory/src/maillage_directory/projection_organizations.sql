-- One row of card for every organization asked for. Bind parameter: organizations (a uuid array or
-- null; null = all organizations).
INSERT INTO card AS kept (
    resource_id, resource_type, organization_id, visibility, network, organization_visibility,
    organization_network, source, sort_name, content, verified_at, version, updated_at, changed_at
)
SELECT
    o.id, 'organization', o.id, o.visibility, o.network, o.visibility, o.network, o.source,
    lower(public.unaccent(COALESCE(o.name->>'fr', o.name->>'nl', o.name->>'en',
        (SELECT min(value) FROM jsonb_each_text(o.name))))),
    jsonb_strip_nulls(o.details || jsonb_build_object(
        'id', o.id, 'name', o.name, 'description', o.description,
        'text_origins', o.text_origins, 'kind', o.kind, 'parent', o.parent_id,
        'identifiers', (
            SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'scheme', i.scheme, 'identifier', i.identifier
            ) ORDER BY i.scheme, i.identifier), '[]')
            FROM organization_identifier i WHERE i.organization_id = o.id
        ),
        'phones', (
            SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'number', p.number, 'extension', p.extension, 'kind', p.kind,
                'description', p.description, 'visibility', p.visibility
            ) ORDER BY p.position), '[]')
            FROM phone p WHERE p.organization_id = o.id
        ),
        'contacts', (
            SELECT COALESCE(jsonb_agg(jsonb_build_object(
                'name', c.name, 'title', c.title, 'email', c.email, 'phone', c.phone,
                'visibility', c.visibility
            ) ORDER BY c.position), '[]')
            FROM contact c WHERE c.organization_id = o.id
        ),
        'email', o.email, 'url', o.url, 'visibility', o.visibility, 'network', o.network,
        'field_visibility', o.field_visibility, 'agreed_on', o.agreed_on, 'source', o.source,
        'source_date', o.source_on, 'external_id', o.external_id, 'licence', o.licence
    )),
    (SELECT max(v.verified_at) FROM verification v
    WHERE v.checked_organization_id = o.id AND v.fields = '{}'),
    o.version, o.updated_at, now()
FROM organization o
WHERE CAST(:organizations AS uuid[]) IS NULL OR o.id = ANY (CAST(:organizations AS uuid[]))
ON CONFLICT (resource_id) DO UPDATE SET
    (visibility, network, organization_visibility, organization_network, source, sort_name,
    content, verified_at, version, updated_at, changed_at)
    = (excluded.visibility, excluded.network, excluded.organization_visibility,
    excluded.organization_network, excluded.source, excluded.sort_name, excluded.content,
    excluded.verified_at, excluded.version, excluded.updated_at, excluded.changed_at)
WHERE (kept.visibility, kept.network, kept.sort_name, kept.content, kept.verified_at, kept.version)
    IS DISTINCT FROM (excluded.visibility, excluded.network, excluded.sort_name,
    excluded.content, excluded.verified_at, excluded.version)
