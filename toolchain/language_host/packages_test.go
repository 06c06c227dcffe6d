package main

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

func TestPluginVersion(t *testing.T) {
	for version, expected := range map[string]string{
		"5.2.0":             "5.2.0",
		"1":                 "1.0.0",
		"1.2":               "1.2.0",
		"1.2.3.4":           "1.2.3.4",
		"1.2.3a4":           "1.2.3-alpha.4",
		"1.2b3":             "1.2.0-beta.3",
		"1.2.3rc4":          "1.2.3-rc.4",
		"1.2.3.post4":       "1.2.3+post4",
		"1.2.3.post4.dev5":  "1.2.3+post4dev5",
		"1.2.3.dev5":        "1.2.3+dev5",
		"3.31.0a1605189729": "3.31.0-alpha.1605189729",
		"1!2.0":             "",
		"1.2.3+local":       "",
		"v1.2.3":            "",
		"":                  "",
	} {
		if found := pluginVersion(version); found != expected {
			t.Errorf("%q: %q, and not %q", version, found, expected)
		}
	}
}

func TestDependencyOf(t *testing.T) {
	aws := &plugin.PulumiPluginJSON{Resource: true, Name: "aws", Version: "7.51.1"}
	for name, each := range map[string]struct {
		installed installedPackage
		expected  string
	}{
		"a description":            {installedPackage{"pulumi-aws", "7.0.0", aws}, "aws v7.51.1"},
		"another package's name":   {installedPackage{"made-by-acme", "7.0.0", aws}, "aws v7.51.1"},
		"a name alone":             {installedPackage{"pulumi-docker", "5.2", nil}, "docker v5.2.0"},
		"a v in the description":   {installedPackage{"x", "1", &plugin.PulumiPluginJSON{Resource: true, Version: "v2.0.0"}}, "x v2.0.0"},
		"no plugin":                {installedPackage{"pulumi-policy", "1.21.0", nil}, ""},
		"no plugin by description": {installedPackage{"pulumi-x", "1.0", &plugin.PulumiPluginJSON{}}, ""},
		"no version":               {installedPackage{"pulumi-x", "1!0", nil}, ""},
		"none of Pulumi's":         {installedPackage{"requests", "2.0", nil}, ""},
	} {
		found := ""
		if dependency := dependencyOf(each.installed); dependency != nil {
			found = dependency.Name + " " + dependency.Version
		}
		if found != each.expected {
			t.Errorf("%s: %q, and not %q", name, found, each.expected)
		}
	}
}
