//go:build chaos

package chaos

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The machine has one clock for all, and libfaketime does not reach a program that is linked
// statically. So what the kernel maps into a process for it to read the time by, the vDSO, is
// changed in that process alone: its clock_gettime asks the kernel, and adds some seconds to
// the clock of the day (CLOCK_REALTIME). The monotonic clock goes on as it did, as with a clock
// that somebody sets. The program is the very one that is released.

// skewing is x86-64's clock_gettime with an offset, which is in its last bytes but one.
var skewing = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, SYS_clock_gettime
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi: which clock?
	0x75, 0x07, // jnz ret
	0x48, 0x81, 0x06, 0, 0, 0, 0, // add qword [rsi], offset
	0xc3, // ret
}

const offsetAt = 14

// skewed is a process whose clock can be set.
type skewed struct {
	pid int
	mem *os.File
	at  int64 // of clock_gettime in its memory
}

// skew has the clock of a process able to be set. It goes on by the right time.
func skew(pid int) (*skewed, error) {
	if runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("how to set the clock of a process on %s is not known here", runtime.GOARCH)
	}
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s := &skewed{pid: pid, mem: mem}
	if err := s.patch(); err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	return s, nil
}

func (s *skewed) patch() error {
	base, image, err := s.vdso()
	if err != nil {
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return fmt.Errorf("the vDSO: %w", err)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("the vDSO: %w", err)
	}
	for _, x := range symbols {
		if x.Name != "__vdso_clock_gettime" {
			continue
		}
		if x.Size < uint64(len(skewing)) {
			return fmt.Errorf("clock_gettime has %d bytes, and %d are wanted", x.Size, len(skewing))
		}
		s.at = base + int64(x.Value)
		if bytes.HasPrefix(image[x.Value:], skewing[:offsetAt]) {
			return nil // by an earlier fault
		}
		return s.write(int64(x.Size))
	}
	return errors.New("the vDSO has no clock_gettime")
}

func (s *skewed) vdso() (base int64, image []byte, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", s.pid))
	if err != nil {
		return 0, nil, err
	}
	for line := range strings.Lines(string(maps)) {
		if !strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			continue
		}
		from, to, _ := strings.Cut(strings.Fields(line)[0], "-")
		begin, err1 := strconv.ParseInt(from, 16, 64)
		end, err2 := strconv.ParseInt(to, 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			return 0, nil, err
		}
		image = make([]byte, end-begin)
		_, err := s.mem.ReadAt(image, begin)
		return begin, image, err
	}
	return 0, nil, fmt.Errorf("process %d has no vDSO", s.pid)
}

// write puts our function in the place of the kernel's, while no thread is in it.
func (s *skewed) write(size int64) error {
	for range 50 {
		if err := syscall.Kill(s.pid, syscall.SIGSTOP); err != nil {
			return err
		}
		free, err := s.away(size)
		if err == nil && free {
			_, err = s.mem.WriteAt(skewing, s.at)
		}
		if err := errors.Join(err, syscall.Kill(s.pid, syscall.SIGCONT)); err != nil || free {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("some thread always reads the clock")
}

// away reports whether all threads have stopped, and none of them in clock_gettime.
func (s *skewed) away(size int64) (bool, error) {
	time.Sleep(30 * time.Millisecond)
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", s.pid))
	if err != nil {
		return false, err
	}
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err != nil {
			return false, err
		}
		words := strings.Fields(string(b))
		if words[0] == "running" {
			return false, nil
		}
		pc, err := strconv.ParseUint(strings.TrimPrefix(words[len(words)-1], "0x"), 16, 64)
		if err != nil {
			return false, err
		}
		if int64(pc) >= s.at && int64(pc) < s.at+size {
			return false, nil
		}
	}
	return len(threads) > 0, nil
}

// set has the process's clock go wrong by so much.
func (s *skewed) set(off time.Duration) error {
	_, err := s.mem.WriteAt(binary.LittleEndian.AppendUint32(nil, uint32(int32(off/time.Second))), s.at+offsetAt)
	return err
}

// right is a script that sets the clock right, if the process still lives.
func (s *skewed) right() string {
	return fmt.Sprintf(`is=$(dd if=/proc/%[1]d/mem bs=1 skip=%[2]d count=%[3]d status=none 2>/dev/null | od -An -v -tx1 | tr -d ' \n') || exit 0
[ "$is" = %[4]x ] || exit 0
printf '\0\0\0\0' | dd of=/proc/%[1]d/mem bs=1 seek=%[5]d conv=notrunc status=none`, s.pid, s.at, offsetAt, skewing[:offsetAt], s.at+offsetAt)
}
