-- Who a request speaks for, asked at every request: PL/pgSQL keeps the plan, and planning costs more than the answer.

-- The codes of a department and of all below it.
CREATE FUNCTION fn.departments_below(code varchar) RETURNS varchar[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        WITH RECURSIVE below AS (
            SELECT d.code FROM city.department d WHERE d.code = departments_below.code
            UNION
            SELECT d.code FROM city.department d JOIN below b ON d.parent_code = b.code
        )
        SELECT array_agg(below.code) FROM below);
END $$;

-- Whether a class is one of those that somebody is limited to: beginnings of kind:code (null: all).
CREATE FUNCTION fn.in_classes(kind text, class_code text, classes text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT classes IS NULL OR (kind || ':' || class_code) ^@ ANY(classes)
$$;

-- Whether somebody sees what is of this department, cell and class: `departments`, `area` (a prefix of cells' codes) and
-- `classes` are what they are limited to (null: not).
CREATE FUNCTION fn.sees(
    department text, cell text, kind text, class_code text, departments text[], area text, classes text[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (departments IS NULL OR department = ANY(departments))
        AND (area IS NULL OR starts_with(cell, area))
        AND fn.in_classes(kind, class_code, classes)
$$;

-- Whether a place and a class (null: any) are none beyond what somebody is limited to.
CREATE FUNCTION fn.may_see(p city.person, cell_code text, kind text, class_code text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT starts_with(cell_code, coalesce((p).area_code, ''))
        AND coalesce(fn.in_classes(kind, class_code, string_to_array((p).class_codes, ',')), true)
$$;

-- Who acts: `webgis.accounts.actor.Actor`.
CREATE TYPE fn.acting AS (
    id integer, login varchar, name varchar, role varchar, department varchar, departments varchar[], area varchar,
    classes text[]
);

CREATE FUNCTION fn.actor(person integer)
RETURNS SETOF fn.acting
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT p.id, p.login, p.name, p.role, p.department_code,
           CASE WHEN p.department_code IS NOT NULL THEN fn.departments_below(p.department_code) END, p.area_code,
           string_to_array(p.class_codes, ',')
    FROM city.person p WHERE p.id = actor.person AND p.active;
END $$;

-- The same with what stands behind it, a login or a key: its id, what a login still needs, what a key is limited to, and
-- whether it is some minutes since that was written down of it that it was used.
CREATE TYPE fn.admitted AS (
    id integer, login varchar, name varchar, role varchar, department varchar, departments varchar[], area varchar,
    classes text[], by_id bigint, needs varchar, read_only boolean, actions varchar[], stale boolean
);

CREATE FUNCTION fn.actor_of_key(hash bytea)
RETURNS SETOF fn.admitted
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT a.*, k.id::bigint, NULL::varchar, k.read_only, k.actions,
           coalesce(k.used_at < now() - interval '5 minutes', true)
    FROM city.api_key k, LATERAL fn.actor(k.person_id) a
    WHERE k.key_hash = actor_of_key.hash AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > now());
END $$;

CREATE FUNCTION fn.actor_of_session(hash bytea)
RETURNS SETOF fn.admitted
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT a.*, s.id, s.needs, false, NULL::varchar[], s.seen_at < now() - interval '5 minutes'
    FROM city.login_session s, LATERAL fn.actor(s.person_id) a
    WHERE s.token_hash = actor_of_session.hash AND s.expires_at > now();
END $$;

-- Once in some minutes it is written down that a login or key is in use; a login in use goes on.
CREATE FUNCTION fn.touch_session(id bigint, hours integer, address varchar) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE city.login_session s
    SET seen_at = now(), address = touch_session.address,
        expires_at = CASE WHEN s.needs IS NULL THEN now() + touch_session.hours * interval '1 hour' ELSE s.expires_at END
    WHERE s.id = touch_session.id AND s.seen_at < now() - interval '5 minutes';
END $$;

CREATE FUNCTION fn.touch_key(id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE city.api_key k SET used_at = now()
    WHERE k.id = touch_key.id AND coalesce(k.used_at < now() - interval '5 minutes', true);
END $$;
