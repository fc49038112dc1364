"""Who acts: departments, people with a role, their logins and API keys."""
