"""The wire: what people write and read through the API server, one module a kind.

A kind is a pydantic model of its spec, one of its status, and its printer columns and rules; `schema` and `crd` turn
them into the CustomResourceDefinition. Nothing here judges a certificate.
"""
