package main

import (
	"context"
	"fmt"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// tamperWith changes the plan file while it waits for its approval, as anyone who can
// mount the volume could.
func tamperWith(ctx context.Context, c *cluster, t *teller, claim string) error {
	tr := pipelinev1.TaskRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "tamper-"},
		Spec: pipelinev1.TaskRunSpec{
			TaskSpec: &pipelinev1.TaskSpec{
				Workspaces: []pipelinev1.WorkspaceDeclaration{{Name: "source"}},
				Steps: []pipelinev1.Step{{
					Name: "tamper", Image: "cluster.local/git:1", Script: "#!/bin/sh -e\nprintf x >>$(workspaces.source.path)/plan.bin\n",
				}},
			},
			Workspaces: []pipelinev1.WorkspaceBinding{{
				Name: "source", PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
			}},
		},
	}
	if err := c.client.Create(ctx, &tr); err != nil {
		return fmt.Errorf("change the plan file: %w", err)
	}
	return t.await(ctx, time.Minute, func(ctx context.Context) (string, bool, error) {
		if err := c.client.Get(ctx, client.ObjectKeyFromObject(&tr), &tr); err != nil {
			return "", false, err
		}
		if tr.IsDone() && !tr.IsSuccessful() {
			return "", false, final("change the plan file: kubectl -n %s logs %s", namespace, tr.Status.PodName)
		}
		return "somebody changes the plan file on volume " + claim, tr.IsDone(), nil
	})
}
