-- What each line of the stream registers, and what it leaves to REST, so that people see it without reading its log.
ALTER TABLE market.stream_heartbeat
    ADD COLUMN placed text[] NOT NULL DEFAULT '{}',
    ADD COLUMN registered integer NOT NULL DEFAULT 0 CHECK (registered >= 0),
    ADD COLUMN rest text[] NOT NULL DEFAULT '{}',
    ADD COLUMN rest_count integer NOT NULL DEFAULT 0 CHECK (rest_count >= 0);
COMMENT ON COLUMN market.stream_heartbeat.placed IS 'What this line is to register, most important first, each as kind of code (venue), text; empty while it is not open; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.registered IS 'How many of them the server has acknowledged, counted; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.rest IS 'What no key of this process has room for, or the server refuses, so that REST has to serve it: the hundred most important, as in placed; source: the service.';
COMMENT ON COLUMN market.stream_heartbeat.rest_count IS 'How many of those there are in all, counted; source: the service.';
