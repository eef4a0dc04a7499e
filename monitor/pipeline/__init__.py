"""The walk of a document: ingest, classify, judge, deliver. Joins the rooms; reads no clock."""
