package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

// listPackages is a Python program that prints every installed package with its pulumi-plugin.json.
//
//go:embed packages.py
var listPackages string

// installedPackage is one line of it. Plugin is nil for a package without a pulumi-plugin.json.
type installedPackage struct {
	Name    string
	Version string
	Plugin  *plugin.PulumiPluginJSON
}

// withoutPlugins are packages of Pulumi's that look as if they had a plugin.
var withoutPlugins = map[string]bool{"pulumi-policy": true, "pulumi-esc-sdk": true}

// GetRequiredPackages are the Pulumi packages of the virtual environment: the engine fetches their plugins before the
// program runs, whether it uses them or not.
func (h *host) GetRequiredPackages(
	ctx context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	python, err := pythonOf(request.Info, false)
	if err != nil {
		return nil, err
	}
	engine, disconnect, err := h.connect()
	if err != nil {
		return nil, err
	}
	defer disconnect()
	stdout := newEngineLog(ctx, engine, pulumirpc.LogSeverity_INFO)
	stderr := newEngineLog(ctx, engine, pulumirpc.LogSeverity_ERROR)
	if err := python.EnsureVenv(ctx, request.Info.ProgramDirectory, false, true, stdout, stderr); err != nil {
		return nil, err
	}
	installed, err := installedPackages(ctx, python)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, each := range installed {
		if dependency := dependencyOf(each); dependency != nil {
			response.Packages = append(response.Packages, dependency)
		}
	}
	return response, nil
}

// GetProgramDependencies are the installed packages, or those that no other package asks for.
func (h *host) GetProgramDependencies(
	ctx context.Context, request *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	python, err := pythonOf(request.Info, false)
	if err != nil {
		return nil, err
	}
	installed, err := python.ListPackages(ctx, request.TransitiveDependencies)
	if err != nil {
		return nil, fmt.Errorf("listing the installed packages: %w", err)
	}
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, each := range installed {
		response.Dependencies = append(
			response.Dependencies, &pulumirpc.DependencyInfo{Name: each.Name, Version: each.Version})
	}
	return response, nil
}

// installedPackages asks the program's Python once, where the official host runs `pip list` and a second program: the
// answer is the same, half a second earlier.
func installedPackages(ctx context.Context, python toolchain.Toolchain) ([]installedPackage, error) {
	command, err := python.Command(ctx, "-c", listPackages)
	if err != nil {
		return nil, err
	}
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the installed packages: %w", err)
	}
	var installed []installedPackage
	if err := json.Unmarshal(output, &installed); err != nil {
		return nil, fmt.Errorf("listing the installed packages: %w", err)
	}
	return installed, nil
}

// dependencyOf is the plugin that belongs to a package; nil for a package without one, and for a pre-release whose
// plugin's version cannot be derived.
func dependencyOf(installed installedPackage) *pulumirpc.PackageDependency {
	description := installed.Plugin
	if withoutPlugins[installed.Name] {
		return nil
	}
	if description == nil {
		if !strings.HasPrefix(installed.Name, "pulumi-") {
			return nil
		}
		description = &plugin.PulumiPluginJSON{Resource: true}
	}
	if !description.Resource {
		return nil
	}
	name, version := description.Name, description.Version
	if name == "" {
		name = strings.TrimPrefix(installed.Name, "pulumi-")
	}
	if version == "" {
		if version = pluginVersion(installed.Version); version == "" {
			return nil
		}
	}
	return &pulumirpc.PackageDependency{
		Name:             name,
		Version:          "v" + strings.TrimPrefix(version, "v"),
		Kind:             "resource",
		Server:           description.Server,
		Parameterization: parameterization(description.Parameterization),
		Extension:        parameterization(description.ExtensionParameterization),
	}
}

func parameterization(given *plugin.PulumiParameterizationJSON) *pulumirpc.PackageParameterization {
	if given == nil {
		return nil
	}
	return &pulumirpc.PackageParameterization{Name: given.Name, Version: given.Version, Value: given.Value}
}

// pythonVersion is the part of PEP 440 that has a counterpart in semantic versions.
var pythonVersion = regexp.MustCompile(`^(\d+(?:\.\d+)*)(?:(a|b|rc)(\d*))?(?:\.post(\d*))?(?:\.dev(\d*))?$`)

var preReleases = map[string]string{"a": "alpha", "b": "beta", "rc": "rc"}

// pluginVersion is a Python version as a semantic one: 1.2rc3 is 1.2.0-rc.3. It is empty where there is none.
func pluginVersion(version string) string {
	parts := pythonVersion.FindStringSubmatchIndex(version)
	if parts == nil {
		return ""
	}
	group := func(number int) (string, bool) {
		if start := parts[2*number]; start >= 0 {
			return version[start:parts[2*number+1]], true
		}
		return "", false
	}
	result, _ := group(1)
	for strings.Count(result, ".") < 2 {
		result += ".0"
	}
	if letter, ok := group(2); ok {
		number, _ := group(3)
		result += "-" + preReleases[letter] + "." + number
	}
	build := ""
	if number, ok := group(4); ok {
		build += "post" + number
	}
	if number, ok := group(5); ok {
		build += "dev" + number
	}
	if build != "" {
		result += "+" + build
	}
	return result
}
