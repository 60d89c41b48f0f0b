"""Where the rows live: a Postgres of the user's own or an embedded one, its connections and its migrations."""
