-- Records of the window that nobody could read.
SELECT count(*)::double precision AS records
FROM dead_letters
WHERE seen_at >= $__timeFrom() AND seen_at < $__timeTo();
