"""The contents of a file, explained. Pure.

parse          every object in a file, described
describe       one object as rows: field, value, reason
key_numbers    the numbers in a key
dump           the DER bytes of an object, element by element
diff           two certificates compared field by field
"""
