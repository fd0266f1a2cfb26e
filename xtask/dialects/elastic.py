"""The official client of Elasticsearch for Python: what a shipper and a viewer do with it."""

import warnings
from datetime import datetime, timedelta, timezone

import elasticsearch
from elasticsearch import Elasticsearch, helpers

from .checks import expect, soon
from .target import INGEST, QUERY

INDEX = "app-orders"
DOCUMENTS = 500


def documents(begun):
    for i in range(DOCUMENTS):
        yield {
            "_index": INDEX, "_op_type": "create",
            "@timestamp": (begun + timedelta(milliseconds=i)).isoformat(),
            "message": f"order {i} {'refused by the bank' if i % 10 == 0 else 'placed'}",
            "log.level": "error" if i % 10 == 0 else "info",
            "service.name": "es-orders", "amount": i,
        }


class Client:
    def __init__(self, target):
        url = target.url("/elasticsearch")
        self.target = target
        self.writer = Elasticsearch(url, basic_auth=("x", INGEST), request_timeout=20)
        self.reader = Elasticsearch(url, basic_auth=("x", QUERY), request_timeout=20)
        self.begun = datetime.now(timezone.utc) - timedelta(minutes=2)

    def run(self, check):
        version = elasticsearch.__versionstr__
        check(f"elasticsearch {version}: info, ping", self.info)
        check("index and template are made, and asked for", self.prepare)
        check(f"helpers.bulk of {DOCUMENTS} documents", self.bulk)
        check("helpers.streaming_bulk tells which document is refused", self.partly_refused)
        check("search: bool of term, match_phrase, range; sort, size", self.search)
        check("search: search_after through all documents", self.pages)
        check("search: date_histogram and terms", self.aggregations)
        check("field_caps, cat.indices, count", self.explore)
        check("what is not carried is refused by its name", self.refused)
        check("a wrong password is AuthenticationException", self.stranger)
        check("the same documents are lines of LogQL", self.as_lines)

    def info(self):
        info = self.writer.info()
        expect(info["version"]["number"] and self.writer.ping(), info)

    def prepare(self):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            self.writer.indices.put_index_template(
                name="app", index_patterns=["app-*"], template={"settings": {"number_of_shards": 1}})
        # What has no effect is not acknowledged in silence.
        expect(any("templates" in str(warning.message) for warning in told), told)
        made = self.writer.indices.create(index=INDEX, mappings={"properties": {"amount": {"type": "long"}}})
        expect(made["acknowledged"], made)

    def bulk(self):
        done, errors = helpers.bulk(self.writer, documents(self.begun), chunk_size=100)
        expect(done == DOCUMENTS and not errors, done, errors)
        soon(lambda: self.reader.count(index=INDEX)["count"] == DOCUMENTS)

    def partly_refused(self):
        now = datetime.now(timezone.utc).isoformat()
        many = [{"_index": "app-other", "_op_type": "create", "@timestamp": now, "message": "good"},
                {"_index": "app-other", "_op_type": "create", "@timestamp": "1999-01-01T00:00:00Z", "message": "old"}]
        results = list(helpers.streaming_bulk(self.writer, many, raise_on_error=False))
        expect([ok for ok, _ in results] == [True, False], results)
        expect("error" in results[1][1]["create"], results)

    def query(self, **more):
        end = self.begun + timedelta(hours=1)
        within = {"range": {"@timestamp": {"gte": self.begun.isoformat(), "lte": end.isoformat()}}}
        must = [within, {"term": {"log.level": "error"}}, {"match_phrase": {"message": "refused by the bank"}}]
        return self.reader.search(index=INDEX, query={"bool": {"filter": must}}, **more)

    def search(self):
        found = self.query(size=7, sort=[{"@timestamp": "desc"}])
        hits = found["hits"]["hits"]
        expect(found["hits"]["total"]["value"] == DOCUMENTS // 10 and len(hits) == 7, found["hits"]["total"], len(hits))
        expect(hits[0]["_source"]["message"] == f"order {DOCUMENTS - 10} refused by the bank", hits[0])
        expect(hits[0]["_source"]["@timestamp"] > hits[1]["_source"]["@timestamp"], hits[:2])

    def pages(self):
        seen, after = [], None
        while True:
            more = {"search_after": after} if after else {}
            found = self.reader.search(index=INDEX, query={"match_all": {}}, size=120,
                                       sort=[{"@timestamp": "asc"}, {"_doc": "asc"}], **more)
            hits = found["hits"]["hits"]
            if not hits:
                break
            seen += [hit["_source"]["message"] for hit in hits]
            after = hits[-1]["sort"]
        expect(len(seen) == len(set(seen)) == DOCUMENTS, len(seen), len(set(seen)))

    def aggregations(self):
        found = self.reader.search(index=INDEX, size=0, aggs={
            "levels": {"terms": {"field": "log.level"}},
            "times": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}},
        })["aggregations"]
        levels = {bucket["key"]: bucket["doc_count"] for bucket in found["levels"]["buckets"]}
        expect(levels == {"info": DOCUMENTS * 9 // 10, "error": DOCUMENTS // 10}, levels)
        expect(sum(bucket["doc_count"] for bucket in found["times"]["buckets"]) == DOCUMENTS, found["times"])

    def explore(self):
        fields = self.reader.field_caps(index=INDEX, fields="*")["fields"]
        expect({"@timestamp", "message", "log.level"} <= set(fields), sorted(fields))
        indices = self.reader.cat.indices(format="json")
        expect(any(row["index"] == INDEX for row in indices), indices)
        expect(self.reader.count(index=INDEX, query={"term": {"log.level": "error"}})["count"] == DOCUMENTS // 10)

    def refused(self):
        for name, body in (("more_like_this", {"query": {"more_like_this": {"like": "x"}}}),
                           ("geo_bounds", {"size": 0, "aggs": {"n": {"geo_bounds": {"field": "place"}}}})):
            try:
                answer = self.reader.search(index=INDEX, body=body)
            except elasticsearch.BadRequestError as error:
                expect(name in str(error), error)
            else:
                expect(False, name, "was not refused:", answer)

    def stranger(self):
        stranger = Elasticsearch(self.target.url("/elasticsearch"), basic_auth=("x", "wrong"))
        try:
            stranger.search(index=INDEX)
        except elasticsearch.AuthenticationException:
            return
        raise AssertionError("a stranger was answered")

    def as_lines(self):
        found = self.target.lines('{service_name="es-orders"} |= "refused by the bank"')
        expect(len(found) == DOCUMENTS // 10, len(found), found[:1])
