// Prints the targets that Prometheus' own Kubernetes discovery finds among objects, for each of several configurations:
//
//	go run . OBJECTS.json CONFIGS.json > TARGETS.json
//
// CONFIGS.json is {"NAME": an entry of kubernetes_sd_configs, ...}. A discovery is taken to be done when nothing came for
// three seconds.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"go.yaml.in/yaml/v2"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(file string, into any) {
	text, err := os.ReadFile(file)
	check(err)
	check(json.Unmarshal(text, into))
}

func main() {
	var objects []map[string]any
	read(os.Args[1], &objects)
	server := serve(objects)
	var configs map[string]map[string]any
	read(os.Args[2], &configs)
	out := map[string][]map[string]string{}
	for name, raw := range configs {
		raw["api_server"] = server.URL
		text, err := json.Marshal(raw)
		check(err)
		var config kubernetes.SDConfig
		check(yaml.UnmarshalStrict(text, &config))
		out[name] = find(&config)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	check(encoder.Encode(out))
}

func find(config *kubernetes.SDConfig) []map[string]string {
	registry := prometheus.NewRegistry()
	metrics := config.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry))
	check(metrics.Register())
	finder, err := kubernetes.New(slog.Default(), metrics, config)
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	found := make(chan []*targetgroup.Group)
	go finder.Run(ctx, found)
	groups := map[string]*targetgroup.Group{}
	for {
		select {
		case all := <-found:
			for _, group := range all {
				if group != nil {
					groups[group.Source] = group
				}
			}
			continue
		case <-time.After(3 * time.Second):
		}
		break
	}
	targets := []map[string]string{}
	for _, group := range groups {
		for _, target := range group.Targets {
			labels := map[string]string{}
			for _, set := range []model.LabelSet{group.Labels, target} {
				for name, value := range set {
					labels[string(name)] = string(value)
				}
			}
			// An empty label is none.
			for name, value := range labels {
				if value == "" {
					delete(labels, name)
				}
			}
			targets = append(targets, labels)
		}
	}
	sort.Slice(targets, func(i, j int) bool {
		a, _ := json.Marshal(targets[i])
		b, _ := json.Marshal(targets[j])
		return string(a) < string(b)
	})
	return targets
}
