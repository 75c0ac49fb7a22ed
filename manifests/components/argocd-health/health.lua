-- Health of certwright's kinds for Argo CD, by the conditions that every kind has.
--
-- A status that is about an older spec says nothing about this one. `Stalled` wins over everything, for then a person
-- must act; `Ready=False` alone only means that the operator still has something to do.
local health = { status = "Progressing", message = "Waiting for certwright to judge this generation." }

local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local stalled = conditions["Stalled"]
if stalled ~= nil and stalled.status == "True" then
  health.status = "Degraded"
  health.message = stalled.message
  return health
end

local ready = conditions["Ready"]
if ready ~= nil then
  health.message = ready.message
  if ready.status == "True" then
    health.status = "Healthy"
  end
end
return health
