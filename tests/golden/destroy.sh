#!/usr/bin/env bash
# Removal of Nevus: project my-project, region europe-west4, access public. Printed by a dry run; nothing was changed.
set -euo pipefail
export CLOUDSDK_CORE_PROJECT=my-project CLOUDSDK_CORE_DISABLE_PROMPTS=1
PROJECT_NUMBER=$(gcloud projects describe my-project '--format=value(projectNumber)')
ADMIN=${ADMIN:-$(gcloud config get account)}


# dashboard dashboard
if found=$(gcloud monitoring dashboards list '--filter=displayName="Nevus"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud monitoring dashboards delete "${found}"
fi

# alert reconcile
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: nobody finishes pending photos"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert pending
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: photos wait to be assessed"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert model-refused
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: a model version is refused"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert job-failed
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: a job failed"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert inference-5xx
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: inference refuses or fails"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert gateway-slow
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: answers take long"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert gateway-5xx
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: the gateway answers with errors"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert errors
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: faults in the log"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert drift
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: photos have drifted"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# alert at-the-limit
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: a service runs at its greatest number of instances"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies delete "${found}"
fi

# metric nevus-reconcile-failed
if found=$(gcloud logging metrics describe nevus-reconcile-failed '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics delete nevus-reconcile-failed
fi

# metric nevus-not-assessed
if found=$(gcloud logging metrics describe nevus-not-assessed '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics delete nevus-not-assessed
fi

# metric nevus-model-refused
if found=$(gcloud logging metrics describe nevus-model-refused '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics delete nevus-model-refused
fi

# metric nevus-errors
if found=$(gcloud logging metrics describe nevus-errors '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics delete nevus-errors
fi

# metric nevus-drift
if found=$(gcloud logging metrics describe nevus-drift '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics delete nevus-drift
fi

# schedule sweep
if found=$(gcloud scheduler jobs describe nevus-sweep --location=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud scheduler jobs delete nevus-sweep --location=europe-west4
fi

# schedule reconcile
if found=$(gcloud scheduler jobs describe nevus-reconcile --location=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud scheduler jobs delete nevus-reconcile --location=europe-west4
fi

# grant build nevusBuilder project
gcloud projects remove-iam-policy-binding my-project --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusBuilder --condition=None || true  # fine if it says: not found

# grant build nevusObjectReader bucket:build
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-build --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None || true  # fine if it says: not found

# grant promoter nevusObjectReader bucket:models
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-promoter@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None || true  # fine if it says: not found

# grant promoter nevusChannelMover bucket:models
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-promoter@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusChannelMover '--condition=^;^title=nevusChannelMover;expression=resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/champion.json" || resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/challenger.json" || resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/canary.json"' || true  # fine if it says: not found

# grant training nevusSecretReader secret:signing-key
gcloud secrets remove-iam-policy-binding nevus-signing-key --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None || true  # fine if it says: not found

# grant training nevusSecretReader secret:public-keys
gcloud secrets remove-iam-policy-binding nevus-public-keys --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None || true  # fine if it says: not found

# grant training nevusRunWriter project
gcloud projects remove-iam-policy-binding my-project --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusRunWriter '--condition=^;^title=nevusRunWriter;expression=resource.type == "firestore.googleapis.com/Database" && resource.name == "projects/my-project/databases/nevus"' || true  # fine if it says: not found

# grant training nevusObjectKeeper bucket:training
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-training --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectKeeper --condition=None || true  # fine if it says: not found

# grant training nevusObjectReader bucket:photos
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-photos --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader '--condition=^;^title=nevusObjectReader;expression=!resource.name.startsWith("projects/_/buckets/my-project-nevus-photos/objects/quarantine/")' || true  # fine if it says: not found

# grant training nevusChannelMover bucket:models
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusChannelMover '--condition=^;^title=nevusChannelMover;expression=resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/challenger.json"' || true  # fine if it says: not found

# grant training nevusVersionWriter bucket:models
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusVersionWriter '--condition=^;^title=nevusVersionWriter;expression=resource.name.extract("/my-project-nevus-models/objects/{name}/versions/") != "" && !resource.name.startsWith("projects/_/buckets/my-project-nevus-models/objects/channels/") || resource.name.startsWith("projects/_/buckets/my-project-nevus-models/objects/verdicts/")' || true  # fine if it says: not found

# grant training nevusObjectReader bucket:models
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None || true  # fine if it says: not found

# grant inference nevusSecretReader secret:public-keys
gcloud secrets remove-iam-policy-binding nevus-public-keys --member=serviceAccount:nevus-inference@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None || true  # fine if it says: not found

# grant inference nevusObjectReader bucket:models
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-inference@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None || true  # fine if it says: not found

# grant gateway nevusSecretReader secret:public-keys
gcloud secrets remove-iam-policy-binding nevus-public-keys --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None || true  # fine if it says: not found

# grant gateway nevusSecretReader secret:admins
gcloud secrets remove-iam-policy-binding nevus-admins --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None || true  # fine if it says: not found

# grant gateway nevusRecordKeeper project
gcloud projects remove-iam-policy-binding my-project --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusRecordKeeper '--condition=^;^title=nevusRecordKeeper;expression=resource.type == "firestore.googleapis.com/Database" && resource.name == "projects/my-project/databases/nevus"' || true  # fine if it says: not found

# grant gateway nevusObjectReader bucket:models
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None || true  # fine if it says: not found

# grant gateway nevusObjectKeeper bucket:photos
gcloud storage buckets remove-iam-policy-binding gs://my-project-nevus-photos --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectKeeper --condition=None || true  # fine if it says: not found

# job score
if found=$(gcloud run jobs describe nevus-score --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud run jobs delete nevus-score --region=europe-west4
fi

# job training
if found=$(gcloud run jobs describe nevus-training --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud run jobs delete nevus-training --region=europe-west4
fi

# service gateway
if found=$(gcloud run services describe nevus-gateway --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud run services delete nevus-gateway --region=europe-west4
fi

# service inference
if found=$(gcloud run services describe nevus-inference --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud run services delete nevus-inference --region=europe-west4
fi

# role nevusBuilder
if found=$(gcloud iam roles describe nevusBuilder --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusBuilder --project=my-project || true  # fine if it says: deleted
fi

# role nevusPusher
if found=$(gcloud iam roles describe nevusPusher --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusPusher --project=my-project || true  # fine if it says: deleted
fi

# role nevusAppointer
if found=$(gcloud iam roles describe nevusAppointer --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusAppointer --project=my-project || true  # fine if it says: deleted
fi

# role nevusJobReleaser
if found=$(gcloud iam roles describe nevusJobReleaser --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusJobReleaser --project=my-project || true  # fine if it says: deleted
fi

# role nevusReleaser
if found=$(gcloud iam roles describe nevusReleaser --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusReleaser --project=my-project || true  # fine if it says: deleted
fi

# role nevusSecretReader
if found=$(gcloud iam roles describe nevusSecretReader --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusSecretReader --project=my-project || true  # fine if it says: deleted
fi

# role nevusImpersonator
if found=$(gcloud iam roles describe nevusImpersonator --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusImpersonator --project=my-project || true  # fine if it says: deleted
fi

# role nevusSigner
if found=$(gcloud iam roles describe nevusSigner --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusSigner --project=my-project || true  # fine if it says: deleted
fi

# role nevusJobStarter
if found=$(gcloud iam roles describe nevusJobStarter --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusJobStarter --project=my-project || true  # fine if it says: deleted
fi

# role nevusCaller
if found=$(gcloud iam roles describe nevusCaller --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusCaller --project=my-project || true  # fine if it says: deleted
fi

# role nevusRunWriter
if found=$(gcloud iam roles describe nevusRunWriter --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusRunWriter --project=my-project || true  # fine if it says: deleted
fi

# role nevusRecordKeeper
if found=$(gcloud iam roles describe nevusRecordKeeper --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusRecordKeeper --project=my-project || true  # fine if it says: deleted
fi

# role nevusChannelMover
if found=$(gcloud iam roles describe nevusChannelMover --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusChannelMover --project=my-project || true  # fine if it says: deleted
fi

# role nevusVersionWriter
if found=$(gcloud iam roles describe nevusVersionWriter --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusVersionWriter --project=my-project || true  # fine if it says: deleted
fi

# role nevusObjectKeeper
if found=$(gcloud iam roles describe nevusObjectKeeper --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusObjectKeeper --project=my-project || true  # fine if it says: deleted
fi

# role nevusObjectReader
if found=$(gcloud iam roles describe nevusObjectReader --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles delete nevusObjectReader --project=my-project || true  # fine if it says: deleted
fi

# account build
if found=$(gcloud iam service-accounts describe nevus-build@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam service-accounts delete nevus-build@my-project.iam.gserviceaccount.com
fi

# account scheduler
if found=$(gcloud iam service-accounts describe nevus-scheduler@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam service-accounts delete nevus-scheduler@my-project.iam.gserviceaccount.com
fi

# account promoter
if found=$(gcloud iam service-accounts describe nevus-promoter@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam service-accounts delete nevus-promoter@my-project.iam.gserviceaccount.com
fi

# account training
if found=$(gcloud iam service-accounts describe nevus-training@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam service-accounts delete nevus-training@my-project.iam.gserviceaccount.com
fi

# account inference
if found=$(gcloud iam service-accounts describe nevus-inference@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam service-accounts delete nevus-inference@my-project.iam.gserviceaccount.com
fi

# account gateway
if found=$(gcloud iam service-accounts describe nevus-gateway@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam service-accounts delete nevus-gateway@my-project.iam.gserviceaccount.com
fi

# secret admins
if found=$(gcloud secrets describe nevus-admins '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud secrets delete nevus-admins
fi

# bucket build
if found=$(gcloud storage buckets describe gs://my-project-nevus-build '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud storage rm --recursive --all-versions gs://my-project-nevus-build
fi

# repository nevus
if found=$(gcloud artifacts repositories describe nevus --location=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud artifacts repositories delete nevus --location=europe-west4
fi

# subnet nevus
if found=$(gcloud compute networks subnets describe nevus --region=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud compute networks subnets delete nevus --region=europe-west4
fi

# network nevus
if found=$(gcloud compute networks describe nevus '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud compute networks delete nevus
fi
