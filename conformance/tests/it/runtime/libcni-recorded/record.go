// Records what libcni tells plugins and what it leaves in its cache.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run record.go OUTPUT
//
// Needs Debian's golang-go and golang-github-appc-cni-dev. The plugin is a shell script, made here.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containernetworking/cni/libcni"
)

const plugin = `#!/bin/sh
number=100
until mkdir "$RECORD/$number" 2>/dev/null; do number=$((number + 1)); done
cat >"$RECORD/$number/stdin"
{ echo "plugin ${0##*/}"; env | grep ^CNI_ | LC_ALL=C sort; } >"$RECORD/$number/environment"
if [ -e "$RECORD/fail" ] && [ "$CNI_COMMAND ${0##*/}" = "$(cat "$RECORD/fail")" ]; then
    echo '{"cniVersion":"1.0.0","code":101,"msg":"it fails","details":"on purpose","more":1}'
    exit 1
fi
[ "$CNI_COMMAND" != ADD ] || cat "$RECORD/../${0##*/}.result"
`

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	out, err := filepath.Abs(os.Args[1])
	must(err)
	work, err := os.MkdirTemp("", "record")
	must(err)
	defer os.RemoveAll(work)
	var scenarios []struct {
		Name         string
		Config       json.RawMessage
		File         string
		Results      map[string]json.RawMessage
		Args         [][2]string
		Capabilities map[string]interface{}
		Verbs        []string
		Fail         string
	}
	input, err := os.ReadFile(filepath.Join(out, "scenarios.json"))
	must(err)
	must(json.Unmarshal(input, &scenarios))
	for _, scenario := range scenarios {
		dir := filepath.Join(work, scenario.Name)
		bin, record, conf := filepath.Join(dir, "bin"), filepath.Join(dir, "calls"), filepath.Join(dir, "net.d")
		for _, d := range []string{bin, record, conf} {
			must(os.MkdirAll(d, 0o755))
		}
		for name, result := range scenario.Results {
			must(os.WriteFile(filepath.Join(bin, name), []byte(plugin), 0o755))
			must(os.WriteFile(filepath.Join(dir, name+".result"), result, 0o644))
		}
		if scenario.Fail != "" {
			must(os.WriteFile(filepath.Join(record, "fail"), []byte(scenario.Fail), 0o644))
		}
		must(os.WriteFile(filepath.Join(conf, scenario.File), scenario.Config, 0o644))
		os.Setenv("RECORD", record)
		list, err := libcni.LoadConfList(conf, "net")
		must(err)
		cni := libcni.NewCNIConfigWithCacheDir([]string{bin, "/nowhere"}, filepath.Join(dir, "cache"), nil)
		rt := &libcni.RuntimeConf{
			ContainerID: "c1", NetNS: "/run/netns/c1", IfName: "eth0",
			Args: scenario.Args, CapabilityArgs: scenario.Capabilities,
		}
		text := ""
		next := 100
		for _, verb := range scenario.Verbs {
			text += "# " + verb + "\n"
			switch verb {
			case "ADD":
				var result interface{}
				result, err = cni.AddNetworkList(context.TODO(), list, rt)
				if err == nil {
					data, _ := json.Marshal(result)
					text += "result " + string(data) + "\n"
				}
			case "CHECK":
				err = cni.CheckNetworkList(context.TODO(), list, rt)
			case "DEL":
				err = cni.DelNetworkList(context.TODO(), list, rt)
			}
			if err != nil {
				text += "error " + err.Error() + "\n"
			}
			for ; ; next++ {
				call := filepath.Join(record, fmt.Sprint(next))
				environment, err := os.ReadFile(filepath.Join(call, "environment"))
				if err != nil {
					break
				}
				stdin, err := os.ReadFile(filepath.Join(call, "stdin"))
				must(err)
				text += string(environment) + "stdin " + string(stdin) + "\n"
			}
			cached, err := os.ReadFile(filepath.Join(dir, "cache", "results", "net-c1-eth0"))
			if err == nil {
				text += "cache " + string(cached) + "\n"
			}
		}
		text = replace(text, bin, "/plugins")
		must(os.WriteFile(filepath.Join(out, scenario.Name+".txt"), []byte(text), 0o644))
	}
}

func replace(text, old, new string) string {
	for i := 0; i+len(old) <= len(text); i++ {
		if text[i:i+len(old)] == old {
			text = text[:i] + new + text[i+len(old):]
		}
	}
	return text
}
