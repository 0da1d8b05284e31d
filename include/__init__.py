"""Everything the benchmark does. Nothing in here imports Airflow."""
