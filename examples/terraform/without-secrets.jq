# Takes out of a plan as JSON what terraform marks as sensitive, what has a secret's name, and the
# parts that have all values again and that nobody decides on:
#   terraform show -json ../plan.bin | jq -cf without-secrets.jq >/tekton/home/plan.json
def without($marks):
  if $marks == true and . != null then "(sensitive value)"
  elif type == "object" and ($marks | type) == "object" then with_entries(.key as $k | .value |= without($marks[$k]))
  elif type == "array" and ($marks | type) == "array" then [range(length) as $i | .[$i] | without($marks[$i])]
  else . end;
def change:
  if . == null then . else
    .before_sensitive as $b | .after_sensitive as $a
    | .before |= (without($b) | without($a)) | .after |= (without($b) | without($a))
  end;
def unnamed:
  walk(if type == "object" then with_entries(
    if (.key | test("(password|passwd|secret|token|private_key|api_key)$"; "i")) and (.value | type) == "string" then .value = "(secret)" else . end
  ) else . end);
del(.variables, .planned_values, .prior_state, .configuration)
| (.resource_changes[]?.change) |= change
| (.resource_drift[]?.change) |= change
| if .output_changes then .output_changes |= map_values(change) else . end
| unnamed
