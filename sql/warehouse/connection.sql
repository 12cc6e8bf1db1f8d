-- include/warehouse/connection.py: settings of a session.

-- name: limit_session
-- A statement, a lock wait or an idle transaction ends by itself if its client is gone or stuck.
SELECT
    set_config('statement_timeout', '120s', false),
    set_config('lock_timeout', '30s', false),
    set_config('idle_in_transaction_session_timeout', '60s', false);
