#!/usr/bin/env bash
# counted.sh: runs after the tests of a stage, by gotestsum. Adds "passed failed skipped" to the run's counts, and fails
# when one failed or none was run: silence is not success.
set -euo pipefail
passed=$((TESTS_TOTAL - TESTS_FAILED - TESTS_SKIPPED)) # less than none where a package failed before its tests
echo $((passed > 0 ? passed : 0)) "$TESTS_FAILED" "$TESTS_SKIPPED" >>"${COUNTS:-/dev/null}"
if [ $((TESTS_TOTAL - TESTS_SKIPPED + TESTS_FAILED)) = 0 ]; then
  echo "no test was run"
  exit 1
fi
[ "$TESTS_FAILED" = 0 ]
