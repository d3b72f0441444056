-- The second wall. A query that forgets the gate finds the same rows as one that asks it.
-- `asking('system')` is set by jobs, and by the application for one statement at a time where it must
-- look past the caller (see maillage_referrals/access/scope.py, which lists every reason).

ALTER TABLE subject ENABLE ROW LEVEL SECURITY;
ALTER TABLE subject FORCE ROW LEVEL SECURITY;
CREATE POLICY subject_reading ON subject FOR SELECT
    USING (id::text = asking('named') OR is_own(id) OR asking('system') IS NOT NULL);
CREATE POLICY subject_making ON subject FOR INSERT
    WITH CHECK (created_by_organization::text = asking('organization') OR asking('system') IS NOT NULL);

ALTER TABLE card ENABLE ROW LEVEL SECURITY;
ALTER TABLE card FORCE ROW LEVEL SECURITY;
CREATE POLICY card_reading ON card FOR SELECT
    USING (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR (issued_by_organization::text = asking('organization') AND subject_id::text = asking('named'))
    );
CREATE POLICY card_making ON card FOR INSERT
    WITH CHECK (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR (issued_by_organization::text = asking('organization') AND subject_id::text = asking('named'))
    );
CREATE POLICY card_revoking ON card FOR UPDATE
    USING (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR (issued_by_organization::text = asking('organization') AND subject_id::text = asking('named'))
    );

ALTER TABLE one_time_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE one_time_code FORCE ROW LEVEL SECURITY;
CREATE POLICY one_time_code_use ON one_time_code
    USING (is_own(subject_id) OR asking('system') IS NOT NULL);

ALTER TABLE consent ENABLE ROW LEVEL SECURITY;
ALTER TABLE consent FORCE ROW LEVEL SECURITY;
CREATE POLICY consent_reading ON consent FOR SELECT
    USING (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR recorded_by_organization::text = asking('organization')
        OR grantee_organization::text = asking('organization')
        OR grantee_function = asking('function')
        OR grantee_person = asking('subject')
    );
CREATE POLICY consent_recording ON consent FOR INSERT
    WITH CHECK (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR (recorded_by_organization::text = asking('organization') AND subject_id::text = asking('named'))
    );
CREATE POLICY consent_changing ON consent FOR UPDATE
    USING (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR recorded_by_organization::text = asking('organization')
        OR grantee_organization::text = asking('organization')
    );

ALTER TABLE care_link ENABLE ROW LEVEL SECURITY;
ALTER TABLE care_link FORCE ROW LEVEL SECURITY;
CREATE POLICY care_link_use ON care_link
    USING (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR organization::text = asking('organization')
    );

ALTER TABLE exclusion ENABLE ROW LEVEL SECURITY;
ALTER TABLE exclusion FORCE ROW LEVEL SECURITY;
CREATE POLICY exclusion_reading ON exclusion FOR SELECT
    USING (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR organization::text = asking('organization') OR person = asking('subject')
    );
CREATE POLICY exclusion_making ON exclusion FOR INSERT WITH CHECK (is_own(subject_id));
CREATE POLICY exclusion_lifting ON exclusion FOR UPDATE USING (is_own(subject_id));

ALTER TABLE pointer ENABLE ROW LEVEL SECURITY;
ALTER TABLE pointer FORCE ROW LEVEL SECURITY;
CREATE POLICY pointer_reading ON pointer FOR SELECT
    USING (
        asking('system') IS NOT NULL
        OR may_read_pointer(subject_id, organization, category, sensitive_categories)
    );
CREATE POLICY pointer_writing ON pointer FOR INSERT
    WITH CHECK (
        organization::text = asking('organization') AND NOT is_excluded(subject_id)
        AND is_involved(subject_id)
    );
CREATE POLICY pointer_changing ON pointer FOR UPDATE
    USING (organization::text = asking('organization') OR asking('system') IS NOT NULL);

ALTER TABLE referral ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral FORCE ROW LEVEL SECURITY;
CREATE POLICY referral_reading ON referral FOR SELECT
    USING (
        asking('system') IS NOT NULL
        OR may_read_referral(
            subject_id, sender_organization, receiver_organization, status, sensitive_categories
        )
    );
CREATE POLICY referral_making ON referral FOR INSERT
    WITH CHECK (
        sender_organization::text = asking('organization') OR asking('system') IS NOT NULL
    );
CREATE POLICY referral_moving ON referral FOR UPDATE
    USING (
        is_own(subject_id) OR asking('system') IS NOT NULL
        OR sender_organization::text = asking('organization')
        OR receiver_organization::text = asking('organization')
    );

-- Parts of a referral: seen by whoever sees the referral.
ALTER TABLE referral_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_event FORCE ROW LEVEL SECURITY;
CREATE POLICY referral_event_reading ON referral_event FOR SELECT
    USING (EXISTS (SELECT FROM referral r WHERE r.id = referral_id));
CREATE POLICY referral_event_writing ON referral_event FOR INSERT
    WITH CHECK (EXISTS (SELECT FROM referral r WHERE r.id = referral_id));

ALTER TABLE hand_over ENABLE ROW LEVEL SECURITY;
ALTER TABLE hand_over FORCE ROW LEVEL SECURITY;
CREATE POLICY hand_over_use ON hand_over
    USING (EXISTS (SELECT FROM referral r WHERE r.id = referral_id));
