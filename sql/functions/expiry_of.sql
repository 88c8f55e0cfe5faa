-- When a conversation expires; null: never. What the user has set holds in any case. The operator's rule, p_retention, is null
-- or has days (from p_since on), keeps_pinned and keeps_archived. Immutable, since the interval has no days: Citus takes nothing less in an update.
create or replace function colloquy.expiry_of(
  p_own_expires_at timestamptz,
  p_since timestamptz,
  p_pinned boolean,
  p_archived boolean,
  p_retention json
) returns timestamptz
language plpgsql immutable
as $$
begin
  return least(
    p_own_expires_at,
    case
      when p_pinned and (p_retention ->> 'keeps_pinned')::boolean then null
      when p_archived and (p_retention ->> 'keeps_archived')::boolean then null
      else p_since + (p_retention ->> 'days')::integer * interval '24 hours'
    end);
end
$$;
