"""Real programs beside a console on loopback: what infra-api.py, infra-aws.py and infra-collector.py have in common."""
