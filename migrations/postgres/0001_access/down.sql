DROP TABLE idempotency_key;
DROP TABLE audit_entry;
DROP FUNCTION refuse_change();
DROP TABLE chain_head;
DROP TABLE api_token;
DROP TABLE app_user_store;
DROP TABLE app_user;
