-- Who a request speaks for, asked at every request: PL/pgSQL keeps the plan, and planning costs more than the answer.

CREATE FUNCTION fn.actor_of_key(hash bytea)
RETURNS TABLE (id integer, login varchar, name varchar, role varchar, department varchar)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT p.id, p.login, p.name, p.role, p.department_code
    FROM city.api_key k JOIN city.person p ON p.id = k.person_id
    WHERE k.key_hash = actor_of_key.hash AND k.revoked_at IS NULL AND p.active;
END $$;

CREATE FUNCTION fn.actor_of_session(hash bytea)
RETURNS TABLE (id integer, login varchar, name varchar, role varchar, department varchar)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN QUERY
    SELECT p.id, p.login, p.name, p.role, p.department_code
    FROM city.login_session s JOIN city.person p ON p.id = s.person_id
    WHERE s.token_hash = actor_of_session.hash AND s.expires_at > now() AND p.active;
END $$;
