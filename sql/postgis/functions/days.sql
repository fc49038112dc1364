-- The days of the city.

-- Refuses a connection that names no time zone: days of another zone would make sums wrong, and nobody would see it.
CREATE FUNCTION fn.no_zone() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RAISE EXCEPTION 'This connection does not name the time zone of the city (webgis.zone)' USING
        ERRCODE = 'object_not_in_prerequisite_state',
        HINT = format('For one connection: SET webgis.zone = %L. For all: ALTER DATABASE %I SET webgis.zone = %1$L',
                      'Asia/Shanghai', current_database());
END $$;

-- The city's day of a moment, in the time zone that the connection names.
CREATE FUNCTION fn.city_day(moment timestamptz) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (moment AT TIME ZONE coalesce(nullif(current_setting('webgis.zone', true), ''), fn.no_zone()))::date
$$;
