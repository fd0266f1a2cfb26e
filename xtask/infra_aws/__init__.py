"""Parts of infra-aws.py."""
