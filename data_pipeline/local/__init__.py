"""The whole product on one machine: embedded Postgres, the emulator where there are no credentials, and Airflow."""
