-- Tables of the first release. Later migrations change them; this file stays as it is.

CREATE TABLE access_matrix (
    version SERIAL NOT NULL,
    activated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_access_matrix PRIMARY KEY (version)
);

CREATE TABLE subject (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    created_by_organization UUID,
    CONSTRAINT pk_subject PRIMARY KEY (id)
);

CREATE TABLE access_rule (
    version INTEGER NOT NULL,
    function TEXT NOT NULL,
    category VARCHAR(40) NOT NULL,
    CONSTRAINT pk_access_rule PRIMARY KEY (version, function, category),
    CONSTRAINT fk_access_rule_version_access_matrix FOREIGN KEY(version) REFERENCES access_matrix (version)
        ON DELETE RESTRICT,
    CONSTRAINT ck_access_rule_category CHECK (category IN ('administration', 'coordination', 'debts',
        'dental', 'digital', 'disability', 'elderly', 'employment', 'energy', 'family', 'food',
        'general_medicine', 'health_insurance', 'hospital', 'housing', 'interpreting', 'isolation',
        'prevention', 'addiction', 'mental_health', 'residence_status', 'sexual_health', 'violence'))
);

CREATE TABLE card (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    code TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    issued_by_organization UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revocation_reason VARCHAR(40),
    CONSTRAINT pk_card PRIMARY KEY (id),
    CONSTRAINT ck_card_code_digits CHECK (code ~ '^[0-9]{12}$'),
    CONSTRAINT ck_card_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT ck_card_revoked_with_reason CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL)),
    CONSTRAINT fk_card_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id) ON DELETE CASCADE,
    CONSTRAINT uq_card_code UNIQUE (code),
    CONSTRAINT uq_card_secret_hash UNIQUE (secret_hash),
    CONSTRAINT ck_card_revocation_reason CHECK (revocation_reason IN ('lost', 'stolen', 'replaced',
        'unwanted'))
);
CREATE INDEX ix_card_subject_id ON card (subject_id);

CREATE TABLE exclusion (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    organization UUID,
    person TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    lifted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_exclusion PRIMARY KEY (id),
    CONSTRAINT ck_exclusion_organization_or_person CHECK ((organization IS NULL) <> (person IS NULL)),
    CONSTRAINT fk_exclusion_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id) ON DELETE
        CASCADE
);
CREATE UNIQUE INDEX uq_exclusion_organization ON exclusion (subject_id, organization) WHERE organization IS NOT NULL AND lifted_at IS NULL;
CREATE UNIQUE INDEX uq_exclusion_person ON exclusion (subject_id, person) WHERE person IS NOT NULL AND lifted_at IS NULL;

CREATE TABLE one_time_code (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    code_hash BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_one_time_code PRIMARY KEY (id),
    CONSTRAINT ck_one_time_code_code_hash_length CHECK (octet_length(code_hash) = 32),
    CONSTRAINT fk_one_time_code_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id) ON DELETE
        CASCADE
);
CREATE INDEX ix_one_time_code_subject_id ON one_time_code (subject_id);

CREATE TABLE pointer (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    category VARCHAR(40) NOT NULL,
    sensitive_categories TEXT[] NOT NULL,
    kind VARCHAR(40) NOT NULL,
    status VARCHAR(40) NOT NULL,
    from_on DATE NOT NULL,
    to_on DATE,
    organization UUID NOT NULL,
    author TEXT NOT NULL,
    author_function TEXT NOT NULL,
    service_id UUID,
    needs_checked_at TIMESTAMP WITH TIME ZONE,
    locator_system TEXT NOT NULL,
    locator_reference TEXT NOT NULL,
    locator_url TEXT,
    superseded_by_id UUID,
    superseded_at TIMESTAMP WITH TIME ZONE,
    entered_in_error_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_pointer PRIMARY KEY (id),
    CONSTRAINT ck_pointer_sensitive_known CHECK (sensitive_categories <@ ARRAY['addiction'::text,
        'mental_health'::text, 'residence_status'::text, 'sexual_health'::text, 'violence'::text]),
    CONSTRAINT ck_pointer_sensitive_category_listed CHECK (ARRAY[category::text] <@ ARRAY['addiction'::text,
        'mental_health'::text, 'residence_status'::text, 'sexual_health'::text, 'violence'::text] <=
        (category::text = ANY (sensitive_categories))),
    CONSTRAINT ck_pointer_period CHECK (to_on IS NULL OR from_on <= to_on),
    CONSTRAINT ck_pointer_locator_reference CHECK (locator_reference ~
        '^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$'),
    CONSTRAINT ck_pointer_locator_system CHECK (locator_system ~ '^[a-z0-9][a-z0-9.-]{1,63}$'),
    CONSTRAINT ck_pointer_superseded_at_once CHECK ((superseded_by_id IS NULL) = (superseded_at IS NULL)),
    CONSTRAINT fk_pointer_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id) ON DELETE
        CASCADE,
    CONSTRAINT ck_pointer_category CHECK (category IN ('administration', 'coordination', 'debts', 'dental',
        'digital', 'disability', 'elderly', 'employment', 'energy', 'family', 'food', 'general_medicine',
        'health_insurance', 'hospital', 'housing', 'interpreting', 'isolation', 'prevention', 'addiction',
        'mental_health', 'residence_status', 'sexual_health', 'violence')),
    CONSTRAINT ck_pointer_kind CHECK (kind IN ('contact', 'episode', 'passage', 'demarche', 'document',
        'discharge')),
    CONSTRAINT ck_pointer_status CHECK (status IN ('planned', 'under_way', 'waiting', 'done', 'stopped')),
    CONSTRAINT fk_pointer_superseded_by_id_pointer FOREIGN KEY(superseded_by_id) REFERENCES pointer (id)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ix_pointer_subject_id_id ON pointer (subject_id, id);
CREATE UNIQUE INDEX uq_pointer_locator ON pointer (organization, locator_system, locator_reference) WHERE superseded_at IS NULL AND entered_in_error_at IS NULL;

CREATE TABLE consent (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    scope VARCHAR(40) NOT NULL,
    status VARCHAR(40) NOT NULL,
    grantee_kind VARCHAR(40) NOT NULL,
    grantee_organization UUID,
    grantee_function TEXT,
    grantee_person TEXT,
    categories TEXT[] NOT NULL,
    purposes TEXT[] NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
    proof VARCHAR(40),
    proof_card_id UUID,
    text_language TEXT NOT NULL,
    text_version TEXT NOT NULL,
    with_interpreter BOOLEAN NOT NULL,
    recorded_by_organization UUID,
    recorded_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    activated_at TIMESTAMP WITH TIME ZONE,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    expired_at TIMESTAMP WITH TIME ZONE,
    replaced_by_id UUID,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_consent PRIMARY KEY (id),
    CONSTRAINT ck_consent_categories_known CHECK (categories <@ ARRAY['ordinary'::text,
        'administration'::text, 'coordination'::text, 'debts'::text, 'dental'::text, 'digital'::text,
        'disability'::text, 'elderly'::text, 'employment'::text, 'energy'::text, 'family'::text,
        'food'::text, 'general_medicine'::text, 'health_insurance'::text, 'hospital'::text, 'housing'::text,
        'interpreting'::text, 'isolation'::text, 'prevention'::text, 'addiction'::text,
        'mental_health'::text, 'residence_status'::text, 'sexual_health'::text, 'violence'::text]),
    CONSTRAINT ck_consent_purposes_known CHECK (purposes <@ ARRAY['care'::text, 'social_support'::text,
        'coordination'::text, 'continuity_at_discharge'::text]),
    CONSTRAINT ck_consent_categories_given CHECK (cardinality(categories) > 0),
    CONSTRAINT ck_consent_purposes_given CHECK (cardinality(purposes) > 0),
    CONSTRAINT ck_consent_validity CHECK (valid_from < valid_until),
    CONSTRAINT ck_consent_grantee CHECK ((grantee_kind = 'organization') = (grantee_organization IS NOT
        NULL) AND (grantee_kind = 'function') = (grantee_function IS NOT NULL) AND (grantee_kind = 'person')
        = (grantee_person IS NOT NULL)),
    CONSTRAINT ck_consent_withdrawn CHECK ((status = 'withdrawn') = (withdrawn_at IS NOT NULL)),
    CONSTRAINT ck_consent_expired CHECK ((status = 'expired') = (expired_at IS NOT NULL)),
    CONSTRAINT ck_consent_replaced CHECK ((status = 'replaced') = (replaced_by_id IS NOT NULL)),
    CONSTRAINT ck_consent_proposed_not_activated CHECK ((status IN ('proposed')) <= (activated_at IS NULL)),
    CONSTRAINT ck_consent_activated CHECK (status <> 'active' OR activated_at IS NOT NULL),
    CONSTRAINT ck_consent_proved CHECK (status <> 'active' OR proof IS NOT NULL),
    CONSTRAINT fk_consent_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id) ON DELETE
        CASCADE,
    CONSTRAINT ck_consent_scope CHECK (scope IN ('record', 'referral')),
    CONSTRAINT ck_consent_status CHECK (status IN ('proposed', 'active', 'withdrawn', 'expired',
        'replaced')),
    CONSTRAINT ck_consent_grantee_kind CHECK (grantee_kind IN ('organization', 'function', 'person')),
    CONSTRAINT ck_consent_proof CHECK (proof IN ('card', 'one_time_code', 'login', 'oral', 'written')),
    CONSTRAINT fk_consent_proof_card_id_card FOREIGN KEY(proof_card_id) REFERENCES card (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_consent_replaced_by_id_consent FOREIGN KEY(replaced_by_id) REFERENCES consent (id) ON
        DELETE RESTRICT
);
CREATE INDEX ix_consent_grantee_organization ON consent (grantee_organization);
CREATE INDEX ix_consent_recorded_by_organization ON consent (recorded_by_organization);
CREATE INDEX ix_consent_running ON consent (valid_until) WHERE status = 'active';
CREATE INDEX ix_consent_subject_id_status ON consent (subject_id, status);

CREATE TABLE referral (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    consent_id UUID NOT NULL,
    status VARCHAR(40) NOT NULL,
    purpose VARCHAR(40) NOT NULL,
    needs TEXT[] NOT NULL,
    sensitive_categories TEXT[] NOT NULL,
    sender_organization UUID NOT NULL,
    sender TEXT NOT NULL,
    sender_function TEXT,
    sender_service TEXT,
    sender_reference TEXT,
    receiver_organization UUID NOT NULL,
    receiver_reference TEXT,
    service_id UUID NOT NULL,
    accompaniment VARCHAR(40) NOT NULL,
    follows_id UUID,
    reason VARCHAR(40),
    rerouted_to UUID,
    on_hold_until TIMESTAMP WITH TIME ZONE,
    service_outcome VARCHAR(40),
    outcome_code VARCHAR(40),
    person_answer VARCHAR(40),
    person_answer_at TIMESTAMP WITH TIME ZONE,
    person_answer_by VARCHAR(40),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_referral PRIMARY KEY (id),
    CONSTRAINT ck_referral_sensitive_known CHECK (sensitive_categories <@ ARRAY['addiction'::text,
        'mental_health'::text, 'residence_status'::text, 'sexual_health'::text, 'violence'::text]),
    CONSTRAINT ck_referral_needs_count CHECK (cardinality(needs) BETWEEN 1 AND 10),
    CONSTRAINT ck_referral_on_hold_until CHECK ((status = 'on_hold') = (on_hold_until IS NOT NULL)),
    CONSTRAINT ck_referral_rerouted_to CHECK ((status = 'rerouted') = (rerouted_to IS NOT NULL)),
    CONSTRAINT ck_referral_reason_given CHECK (status NOT IN ('rejected', 'failed') OR reason IS NOT NULL),
    CONSTRAINT ck_referral_outcome_given CHECK (status <> 'completed' OR service_outcome IS NOT NULL),
    CONSTRAINT ck_referral_outcome_with_code CHECK ((service_outcome IS NULL) = (outcome_code IS NULL)),
    CONSTRAINT ck_referral_answer_with_origin CHECK ((person_answer IS NULL) = (person_answer_at IS NULL)
        AND (person_answer IS NULL) = (person_answer_by IS NULL)),
    CONSTRAINT ck_referral_references CHECK (sender_reference ~ '^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$' AND
        receiver_reference ~ '^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$'),
    CONSTRAINT fk_referral_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id) ON DELETE
        CASCADE,
    CONSTRAINT fk_referral_consent_id_consent FOREIGN KEY(consent_id) REFERENCES consent (id) ON DELETE
        RESTRICT,
    CONSTRAINT ck_referral_status CHECK (status IN ('draft', 'requested', 'received', 'accepted',
        'in_progress', 'on_hold', 'no_show', 'completed', 'failed', 'rejected', 'rerouted', 'cancelled',
        'withdrawn', 'expired', 'entered_in_error')),
    CONSTRAINT ck_referral_purpose CHECK (purpose IN ('care', 'social_support', 'coordination',
        'continuity_at_discharge')),
    CONSTRAINT ck_referral_accompaniment CHECK (accompaniment IN ('none', 'worker', 'peer', 'interpreter',
        'family')),
    CONSTRAINT fk_referral_follows_id_referral FOREIGN KEY(follows_id) REFERENCES referral (id) ON DELETE
        RESTRICT,
    CONSTRAINT ck_referral_reason CHECK (reason IN ('no_capacity', 'outside_area', 'outside_mission',
        'conditions_not_met', 'language_not_available', 'closed_or_moved', 'person_not_reached',
        'person_did_not_come', 'person_chose_otherwise', 'duplicate')),
    CONSTRAINT ck_referral_service_outcome CHECK (service_outcome IN ('yes', 'partly', 'no')),
    CONSTRAINT ck_referral_outcome_code CHECK (outcome_code IN ('informed', 'demarche_started',
        'demarche_done', 'care_given', 'support_started', 'oriented_elsewhere', 'right_opened',
        'right_refused')),
    CONSTRAINT ck_referral_person_answer CHECK (person_answer IN ('yes', 'partly', 'no', 'unreachable')),
    CONSTRAINT ck_referral_person_answer_by CHECK (person_answer_by IN ('person', 'sender'))
);
CREATE INDEX ix_referral_consent_id ON referral (consent_id);
CREATE INDEX ix_referral_receiver_organization_id ON referral (receiver_organization, id);
CREATE INDEX ix_referral_running ON referral (expires_at) WHERE status IN ('draft', 'requested', 'received', 'accepted', 'in_progress', 'on_hold', 'no_show');
CREATE INDEX ix_referral_sender_organization_id ON referral (sender_organization, id);
CREATE INDEX ix_referral_subject_id ON referral (subject_id);
CREATE UNIQUE INDEX uq_referral_through_service ON referral (sender_organization, sender_service, sender_reference) WHERE sender_service IS NOT NULL AND sender_reference IS NOT NULL;

CREATE TABLE care_link (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    organization UUID NOT NULL,
    person TEXT,
    evidence VARCHAR(40) NOT NULL,
    referral_id UUID,
    card_id UUID,
    recorded_by TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by VARCHAR(40),
    CONSTRAINT pk_care_link PRIMARY KEY (id),
    CONSTRAINT ck_care_link_period CHECK (started_at < expires_at),
    CONSTRAINT ck_care_link_ended_by_someone CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT ck_care_link_referral_evidence CHECK ((evidence = 'accepted_referral') = (referral_id IS NOT
        NULL)),
    CONSTRAINT ck_care_link_card_evidence CHECK ((evidence = 'card_read') = (card_id IS NOT NULL)),
    CONSTRAINT fk_care_link_subject_id_subject FOREIGN KEY(subject_id) REFERENCES subject (id) ON DELETE
        CASCADE,
    CONSTRAINT ck_care_link_evidence CHECK (evidence IN ('card_read', 'one_time_code', 'accepted_referral',
        'declared')),
    CONSTRAINT fk_care_link_referral_id_referral FOREIGN KEY(referral_id) REFERENCES referral (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_care_link_card_id_card FOREIGN KEY(card_id) REFERENCES card (id) ON DELETE RESTRICT,
    CONSTRAINT ck_care_link_ended_by CHECK (ended_by IN ('person', 'organization', 'clock'))
);
CREATE INDEX ix_care_link_running ON care_link (expires_at) WHERE ended_at IS NULL;
CREATE INDEX ix_care_link_subject_id_organization ON care_link (subject_id, organization);

CREATE TABLE hand_over (
    referral_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    card_code TEXT,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    sealed BYTEA,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    destroyed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_hand_over PRIMARY KEY (referral_id),
    CONSTRAINT ck_hand_over_slot CHECK (starts_at < ends_at),
    CONSTRAINT ck_hand_over_destroyed_is_empty CHECK (destroyed_at IS NULL OR (card_code IS NULL AND
        starts_at IS NULL AND ends_at IS NULL AND sealed IS NULL)),
    CONSTRAINT ck_hand_over_kind_filled CHECK (destroyed_at IS NOT NULL OR ((kind = 'card_code') =
        (card_code IS NOT NULL) AND (kind = 'appointment') = (starts_at IS NOT NULL) AND (kind = 'contact')
        = (sealed IS NOT NULL))),
    CONSTRAINT fk_hand_over_referral_id_referral FOREIGN KEY(referral_id) REFERENCES referral (id) ON DELETE
        CASCADE,
    CONSTRAINT ck_hand_over_kind CHECK (kind IN ('card_code', 'appointment', 'contact'))
);

CREATE TABLE referral_event (
    id UUID NOT NULL,
    referral_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    from_status VARCHAR(40),
    to_status VARCHAR(40) NOT NULL,
    by VARCHAR(40) NOT NULL,
    person_answer VARCHAR(40),
    CONSTRAINT pk_referral_event PRIMARY KEY (id),
    CONSTRAINT fk_referral_event_referral_id_referral FOREIGN KEY(referral_id) REFERENCES referral (id) ON
        DELETE CASCADE,
    CONSTRAINT ck_referral_event_from_status CHECK (from_status IN ('draft', 'requested', 'received',
        'accepted', 'in_progress', 'on_hold', 'no_show', 'completed', 'failed', 'rejected', 'rerouted',
        'cancelled', 'withdrawn', 'expired', 'entered_in_error')),
    CONSTRAINT ck_referral_event_to_status CHECK (to_status IN ('draft', 'requested', 'received',
        'accepted', 'in_progress', 'on_hold', 'no_show', 'completed', 'failed', 'rejected', 'rerouted',
        'cancelled', 'withdrawn', 'expired', 'entered_in_error')),
    CONSTRAINT ck_referral_event_by CHECK (by IN ('sender', 'receiver', 'person', 'clock')),
    CONSTRAINT ck_referral_event_person_answer CHECK (person_answer IN ('yes', 'partly', 'no',
        'unreachable'))
);
CREATE INDEX ix_referral_event_referral_id_id ON referral_event (referral_id, id);
