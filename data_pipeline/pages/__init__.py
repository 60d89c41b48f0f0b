"""The pages that people open every morning: an application of their own behind Airflow's login."""
