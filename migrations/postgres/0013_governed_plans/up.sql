-- Plans hold for a region, and what is said about them is kept.

-- The region whose stores the plan is for. Every plan has one; the column may be empty only because
-- a column that is added to a table cannot be otherwise.
ALTER TABLE reserve_plan ADD COLUMN region_code TEXT REFERENCES region (code);

-- Until now a plan was for everybody: for the region around all others.
UPDATE reserve_plan SET region_code = (SELECT code FROM region ORDER BY length(code), code LIMIT 1);

-- Two plans of a region never begin at the same time, so one alone is in force at any time.
CREATE UNIQUE INDEX reserve_plan_in_force ON reserve_plan (region_code, effective_from) WHERE status = 'approved';

-- What people say of a version, in threads, and what was decided on it. Nothing is amended.
CREATE TABLE reserve_plan_comment (
    id TEXT NOT NULL PRIMARY KEY,
    plan_id TEXT NOT NULL REFERENCES reserve_plan (id),
    -- The comment that it answers.
    reply_to TEXT REFERENCES reserve_plan_comment (id),
    -- The line that it is about, by its number in the version at that time.
    line_no BIGINT,
    -- The act that it goes with.
    act TEXT NOT NULL,
    text TEXT,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT reserve_plan_comment_act_check CHECK (act IN ('comment', 'submitted', 'withdrawn', 'sent_back', 'approved')),
    CONSTRAINT reserve_plan_comment_text_check CHECK (text IS NOT NULL OR act IN ('submitted', 'approved'))
);
CREATE INDEX reserve_plan_comment_plan ON reserve_plan_comment (plan_id, created_at, id);
