package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
)

// As much of an API server as a list and a watch without changes take.
func serve(objects []map[string]any) *httptest.Server {
	for i, object := range objects {
		object["metadata"].(map[string]any)["resourceVersion"] = fmt.Sprint(i + 1)
	}
	return httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, asked *http.Request) {
		query := asked.URL.Query()
		answer.Header().Set("Content-Type", "application/json")
		if query.Get("watch") != "" && query.Get("sendInitialEvents") == "" {
			answer.(http.Flusher).Flush()
			<-asked.Context().Done()
			return
		}
		if query.Get("watch") != "" {
			// A client then asks for a list.
			answer.WriteHeader(http.StatusUnprocessableEntity)
			json.NewEncoder(answer).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure",
				"reason": "Invalid", "code": http.StatusUnprocessableEntity})
			return
		}
		parts := strings.Split(strings.Trim(asked.URL.Path, "/"), "/")
		plural, namespace := parts[len(parts)-1], ""
		if len(parts) > 2 && parts[len(parts)-3] == "namespaces" {
			namespace = parts[len(parts)-2]
		}
		items, list := []any{}, map[string]any{"kind": "List", "apiVersion": "v1"}
		for _, object := range objects {
			kind := object["kind"].(string)
			isOf := plural == strings.ToLower(kind) || plural == strings.ToLower(kind)+"s" || plural == strings.ToLower(kind)+"es"
			in, _ := object["metadata"].(map[string]any)["namespace"].(string)
			if isOf && (namespace == "" || namespace == in) && selects(object, query.Get("labelSelector"), query.Get("fieldSelector")) {
				items = append(items, object)
				list["kind"], list["apiVersion"] = kind+"List", object["apiVersion"]
			}
		}
		list["metadata"], list["items"] = map[string]any{"resourceVersion": "1000"}, items
		json.NewEncoder(answer).Encode(list)
	}))
}

// By selectors whose requirements are all path=value.
func selects(object map[string]any, labels, fields string) bool {
	own, _ := object["metadata"].(map[string]any)["labels"].(map[string]any)
	for _, requirement := range strings.FieldsFunc(labels, func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(requirement, "=")
		if own[name] != value {
			return false
		}
	}
	for _, requirement := range strings.FieldsFunc(fields, func(r rune) bool { return r == ',' }) {
		path, value, _ := strings.Cut(requirement, "=")
		var at any = object
		for _, part := range strings.Split(path, ".") {
			at, _ = at.(map[string]any)
			if fields, ok := at.(map[string]any); ok {
				at = fields[part]
			}
		}
		if at != value {
			return false
		}
	}
	return true
}
