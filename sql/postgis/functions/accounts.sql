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

-- Who acts: `webgis.accounts.actor.Actor`.
CREATE TYPE fn.acting AS (
    id integer, login varchar, name varchar, role varchar, department varchar, departments varchar[], area varchar
);

CREATE FUNCTION fn.actor(person integer)
RETURNS SETOF fn.acting
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT p.id, p.login, p.name, p.role, p.department_code,
           CASE WHEN p.department_code IS NOT NULL THEN fn.departments_below(p.department_code) END, p.area_code
    FROM city.person p WHERE p.id = actor.person AND p.active;
END $$;

CREATE FUNCTION fn.actor_of_key(hash bytea)
RETURNS SETOF fn.acting
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT a.* FROM city.api_key k, LATERAL fn.actor(k.person_id) a
    WHERE k.key_hash = actor_of_key.hash AND k.revoked_at IS NULL;
END $$;

CREATE FUNCTION fn.actor_of_session(hash bytea)
RETURNS SETOF fn.acting
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT a.* FROM city.login_session s, LATERAL fn.actor(s.person_id) a
    WHERE s.token_hash = actor_of_session.hash AND s.expires_at > now();
END $$;
