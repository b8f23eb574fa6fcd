/* A stand-in for NVIDIA's libnvidia-ml.so.1: the functions that pynvml calls, over the
 * devices of the file that NVML_STANDIN names. Its lines:
 *
 *   init CODE                       what nvmlInit returns
 *   hang SECONDS                    how long counting the devices takes
 *   gpu UUID NAME TOTAL USED        a GPU; '_' in NAME is a space
 *   partitioned SLOTS               the last GPU has MIG on, with places for instances
 *   mig SLOT UUID NAME TOTAL USED   an instance of the last GPU
 *   process PID BYTES               on the last GPU or instance; -1: not available
 *   error WHAT CODE                 of the last one: handle, memory, mode, processes
 *
 * Signatures and codes are those of nvml.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7 };
enum { MAX = 32 };

typedef struct {
  unsigned pid;
  unsigned long long bytes;
  unsigned gpu_instance, compute_instance;
} Process;

typedef struct {
  char uuid[96], name[96];
  unsigned long long total, used;
  int parent, slot, slots, handle_error, memory_error, mode_error, processes_error;
  unsigned num_processes;
  Process processes[MAX];
} Device;

typedef struct { unsigned long long total, free, used; } Memory;

static Device devices[MAX];
static int num_devices, init_code, hang_s, is_open;

static Device *add(int parent, int slot) {
  Device *device = &devices[num_devices++];
  memset(device, 0, sizeof *device);
  device->parent = parent;
  device->slot = slot;
  return device;
}

static void set_error(Device *device, const char *what, int code) {
  if (!strcmp(what, "handle")) device->handle_error = code;
  if (!strcmp(what, "memory")) device->memory_error = code;
  if (!strcmp(what, "mode")) device->mode_error = code;
  if (!strcmp(what, "processes")) device->processes_error = code;
}

static void parse(const char *line) {
  static int gpu;
  char word[96];
  int number, length = 0;
  Device *last = num_devices ? &devices[num_devices - 1] : NULL;
  unsigned long long bytes;
  if (sscanf(line, "init %d", &init_code) == 1 || sscanf(line, "hang %d", &hang_s) == 1) return;
  if (sscanf(line, "partitioned %d", &number) == 1) last->slots = number;
  if (sscanf(line, "error %95s %d", word, &number) == 2) set_error(last, word, number);
  if (sscanf(line, "process %d %llu", &number, &bytes) == 2)
    last->processes[last->num_processes++] = (Process){.pid = number, .bytes = bytes};
  if (!strncmp(line, "gpu ", 4)) {
    gpu = num_devices;
    last = add(-1, 0);
    length = 4;
  } else if (sscanf(line, "mig %d %n", &number, &length) == 1 && length) {
    last = add(gpu, number);
  } else {
    return;
  }
  sscanf(line + length, "%95s %95s %llu %llu", last->uuid, last->name, &last->total, &last->used);
  for (char *c = last->name; *c; c++)
    if (*c == '_') *c = ' ';
}

static void read_file(void) {
  char line[256];
  FILE *file = fopen(getenv("NVML_STANDIN"), "r");
  num_devices = init_code = hang_s = 0;
  while (file && fgets(line, sizeof line, file)) parse(line);
  if (file) fclose(file);
}

static Device *find(int parent, unsigned place) {
  unsigned seen = 0;
  for (int i = 0; i < num_devices; i++) {
    if (devices[i].parent != parent) continue;
    if (parent < 0 ? seen++ == place : devices[i].slot == (int)place) return &devices[i];
  }
  return NULL;
}

int nvmlInitWithFlags(unsigned flags) {
  (void)flags;
  read_file();
  is_open = init_code == SUCCESS;
  return init_code;
}

int nvmlShutdown(void) { return is_open = 0; }

const char *nvmlErrorString(int code) {
  (void)code;
  return "an error of the stand-in";
}

int nvmlDeviceGetCount_v2(unsigned *count) {
  if (!is_open) return UNINITIALIZED;
  read_file();
  sleep(hang_s);
  *count = 0;
  for (int i = 0; i < num_devices; i++) *count += devices[i].parent < 0;
  return init_code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
  *device = find(-1, index);
  return *device ? (*device)->handle_error : NOT_FOUND;
}

int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
  *current = *pending = device->slots > 0;
  return device->mode_error ? device->mode_error : device->slots ? SUCCESS : NOT_SUPPORTED;
}

int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *count) {
  *count = device->slots;
  return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **part) {
  *part = find((int)(device - devices), index);
  return *part ? (*part)->handle_error : NOT_FOUND;
}

int nvmlDeviceGetUUID(Device *device, char *uuid, unsigned length) {
  snprintf(uuid, length, "%s", device->uuid);
  return SUCCESS;
}

int nvmlDeviceGetName(Device *device, char *name, unsigned length) {
  snprintf(name, length, "%s", device->name);
  return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
  *memory = (Memory){device->total, device->total - device->used, device->used};
  return device->memory_error;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, Process *processes) {
  unsigned room = *count;
  if (device->processes_error) return device->processes_error;
  *count = device->num_processes;
  if (room < device->num_processes) return TOO_SMALL;
  if (processes) memcpy(processes, device->processes, *count * sizeof *processes);
  return SUCCESS;
}
