// Command pulumi-resource-docker is the Docker plugin for machines that cannot download the
// vendor's: it bridges the same upstream Terraform provider and serves the same schema, so that
// state and programs are interchangeable. It lacks only the vendor's native docker.Image.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	pulumiprovider "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/terraform-providers/terraform-provider-docker/shim/provider"
)

const (
	pkg    = "docker"
	module = "index"
)

// version is set at build time to the version of the pulumi_docker package in the lock file.
var version = "0.0.0"

// providerInfo maps upstream names to the vendor's. What is set by hand differs from the rule.
func providerInfo() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:       shimv2.NewProvider(provider.New(version)),
		Name:    pkg,
		Version: version,
		Config: map[string]*tfbridge.SchemaInfo{
			"registry_auth": {Name: "registryAuth"},
		},
		Resources: map[string]*tfbridge.ResourceInfo{
			"docker_container": {
				Tok: tfbridge.MakeResource(pkg, module, "Container"),
				Fields: map[string]*tfbridge.SchemaInfo{
					"command":           {Name: "command"},
					"networks_advanced": {Name: "networksAdvanced"},
				},
				// A container's name is unique on its host.
				DeleteBeforeReplace: true,
			},
			"docker_image": {
				Tok:    tfbridge.MakeResource(pkg, module, "RemoteImage"),
				Fields: map[string]*tfbridge.SchemaInfo{"name": {Name: "name"}},
			},
			"docker_config": {Tok: tfbridge.MakeResource(pkg, module, "ServiceConfig")},
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"docker_image": {Tok: tfbridge.MakeDataSource(pkg, module, "getRemoteImage")},
		},
	}
	info.MustComputeTokens(tokens.SingleModule("docker_", module, tokens.MakeStandard(pkg)))
	info.SetAutonaming(255, "-")
	return info
}

func main() {
	info := providerInfo()
	sink := diag.DefaultSink(io.Discard, io.Discard, diag.FormatOptions{Color: colors.Never})
	spec, err := tfgen.GenerateSchema(info, sink)
	if err == nil {
		var schema []byte
		if schema, err = json.Marshal(spec); err == nil {
			err = serve(info, schema)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-docker:", err)
		os.Exit(1)
	}
}

// serve answers the engine until it ends.
func serve(info tfbridge.ProviderInfo, schema []byte) error {
	ctx := context.Background()
	info.P.InitLogging(ctx)
	return pulumiprovider.Main(pkg, func(host *pulumiprovider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		bridged := tfbridge.NewProvider(ctx, host, pkg, version, info.P, info, schema)
		return &askingProvider{bridged}, nil
	})
}
