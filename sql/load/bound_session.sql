-- No statement, lock or forgotten transaction of ours outlives the drain that wanted it for long.
SELECT
    set_config('statement_timeout', '120s', false),
    set_config('lock_timeout', '30s', false),
    set_config('idle_in_transaction_session_timeout', '60s', false)
