DROP TABLE webhook_delivery;
DROP TABLE webhook;
DROP TABLE alert_event;
DROP TABLE alert;
DROP TABLE alert_watched_store;
DROP TABLE alert_watch;
